use crate::control::{NodeReport, ProcessReport, Request, Responder, answer};
use rusm_host::app::{AppProcess, RunningApp};
use std::sync::Arc;

/// Answers what the control socket is asked.
pub(super) struct Reporter {
    pub(super) node: NodeReport,
    pub(super) app: Arc<RunningApp>,
}

impl Responder for Reporter {
    async fn respond(&self, request: Request) -> Result<serde_json::Value, String> {
        match request {
            Request::Node => answer(&self.node),
            Request::Processes => {
                let processes = self.app.processes().await;
                answer(&processes.into_iter().map(process_report).collect::<Vec<_>>())
            }
        }
    }
}

fn process_report(process: AppProcess) -> ProcessReport {
    let AppProcess { info, supervised } = process;
    ProcessReport {
        pid: info.pid.to_string(),
        name: info.name,
        component: info.label,
        restarts: supervised.as_ref().and_then(|supervised| supervised.restarts),
        supervisor: supervised.map(|supervised| supervised.supervisor),
        parent: info.parent.map(|parent| parent.to_string()),
        mailbox: info.mailbox_len,
        memory: info.memory_bytes,
        status: info.status.to_owned(),
    }
}
