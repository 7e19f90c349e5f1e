use super::spec::Hook;
use super::{ApplicationSpec, Moment, StartType};
use crate::behaviour::caught;
use crate::{Context, ExitReason, Message, Pid, ProcessBody, Started, Supervisor, process_body};

/// The process of one running application: starts its tree and runs what goes with it. It is up when the last start phase is
/// done, and ends with the tree. Source: OTP `application_master`.
pub(super) fn body(spec: ApplicationSpec, start_type: StartType) -> ProcessBody {
    process_body(move |context| async move {
        context.trap_exit(true);
        match start(&context, &spec, start_type).await {
            Ok(root) => {
                context.init_ack();
                run(&context, &spec, Moment { node: context.node().clone(), root, start_type }).await
            }
            Err(reason) => {
                context.init_fail(reason.clone());
                reason
            }
        }
    })
}

async fn start(context: &Context, spec: &ApplicationSpec, start_type: StartType) -> Result<Pid, ExitReason> {
    let root = match Supervisor::start_link(context, spec.tree.clone()).await {
        Started::Up(root) => root,
        Started::Failed(reason) => return Err(reason),
        Started::Ignored => return Err(ExitReason::new("ignore")),
    };
    let moment = Moment { node: context.node().clone(), root, start_type };
    for (name, phase) in &spec.phases {
        if let Err(reason) = caught(phase(moment.clone())).await.flatten() {
            end_tree(context, root).await;
            run_hook("stop", spec.stop.as_ref(), &moment).await;
            return Err(ExitReason::new("start_phase").with_detail(format!("{name}: {reason}")));
        }
    }
    Ok(root)
}

async fn run(context: &Context, spec: &ApplicationSpec, moment: Moment) -> ExitReason {
    let (root, parent) = (moment.root, context.parent());
    let ends =
        |message: &Message| matches!(message, Message::Exit { from, .. } if *from == root || Some(*from) == parent);
    let Message::Exit { from, reason } = context.receive_match(ends).await else {
        unreachable!("only exits were asked for");
    };
    if from != root {
        run_hook("prep_stop", spec.prep_stop.as_ref(), &moment).await;
        end_tree(context, root).await;
    }
    run_hook("stop", spec.stop.as_ref(), &moment).await;
    reason
}

/// Stops the tree, for as long as it takes: its supervisors know how long to wait for each child.
async fn end_tree(context: &Context, root: Pid) {
    context.exit_signal(root, ExitReason::SHUTDOWN);
    context.receive_match(|message| matches!(message, Message::Exit { from, .. } if *from == root)).await;
}

async fn run_hook(name: &str, hook: Option<&Hook>, moment: &Moment) {
    if let Some(hook) = hook
        && let Err(reason) = caught(hook(moment.clone())).await.flatten()
    {
        tracing::error!(root = %moment.root, %reason, "an application's {name} failed");
    }
}
