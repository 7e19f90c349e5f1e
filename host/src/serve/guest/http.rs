use super::answer::Answers;
use super::start_failed;
use crate::component::Component;
use crate::host::Host;
use crate::instance::{InstanceOptions, ProcessInstance};
use crate::serve::body::{BodyTooLarge, ResponseBody};
use crate::serve::handlers::Exchange;
use crate::serve::refusal::Refusal;
use crate::state::ProcessState;
use http_body_util::BodyExt;
use rusm_core::{Context, ExitReason};
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::{Error, WasiHttpCtxView, WasiHttpView};

/// Answers one request with a new instance.
pub(super) async fn serve(
    host: &Host,
    component: &Component,
    context: Context,
    exchange: Exchange,
) -> Result<(), ExitReason> {
    let pid = context.pid();
    let (request, _, responder) = exchange.into_parts();
    let ready = |state: &mut ProcessState| state.set_extension(Answers::default());
    let options = InstanceOptions { pooled: true, ..InstanceOptions::default() };
    let mut instance = ProcessInstance::new_with(host, component, context, options, ready).await?;
    let request = request.map(|body| {
        body.map_err(|error| {
            let too_large = error.is::<BodyTooLarge>();
            if too_large { Error::HttpRequestBodySize(None) } else { Error::HttpProtocolError }
        })
    });
    let name = component.name().to_owned();
    let respond = move |answer: Result<_, ErrorCode>| match answer {
        Ok(response) => responder.respond(hyper::Response::map(response, ResponseBody::new)),
        Err(code) => {
            tracing::error!(%pid, component = name, "the request was answered with an error: {code:?}");
            responder.respond(Refusal::Crashed.response());
        }
    };
    let mut view = instance.state().http();
    let request =
        view.new_incoming_request(Scheme::Http, request).map_err(|error| start_failed(format!("{error:#}")))?;
    let answer =
        view.new_response_outparam_from_callback(respond).map_err(|error| start_failed(format!("{error:#}")))?;
    let exports = instance.instance();
    let indices = component.linked(&instance.state().place).http.as_ref();
    let indices = indices.map_err(|why| start_failed(why.clone()))?;
    let proxy = indices.load(instance.store(), &exports).map_err(|error| start_failed(format!("{error:#}")))?;
    let handle = async |store: &mut wasmtime::Store<ProcessState>| {
        proxy.wasi_http_incoming_handler().call_handle(store, request, answer).await
    };
    instance.enter("handle", handle).await
}

impl WasiHttpView for ProcessState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        // The hooks are a type without size: nothing is allocated.
        let hooks = Box::leak(Box::new(super::outgoing::Hooks));
        WasiHttpCtxView { hooks, table: &mut self.table, ctx: &mut self.http }
    }
}
