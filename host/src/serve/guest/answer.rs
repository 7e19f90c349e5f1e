//! Whether the body of an answer was finished. Wasmtime's host takes a body that was dropped, by a trap too, for a
//! whole one; `wasi:http` says that it is incomplete, and the client must see that.

use crate::state::ProcessState;
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::types::{self, ErrorCode};
use wasmtime_wasi_http::p2::body::{HostOutgoingBody, HyperOutgoingBody};
use wasmtime_wasi_http::p2::types::HostOutgoingResponse;
use wasmtime_wasi_http::{Error, FieldMap, WasiHttpView};

/// The bodies of one request's process that are not finished, by resource.
#[derive(Default)]
pub(super) struct Answers(BTreeMap<u32, Arc<AtomicBool>>);

/// Puts these two functions before Wasmtime's own.
pub(super) fn watch_bodies(linker: &mut Linker<ProcessState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut instance = linker.instance("wasi:http/types@0.2.12")?;
    instance.func_wrap("[method]outgoing-response.body", body)?;
    instance.func_wrap("[static]outgoing-body.finish", finish)?;
    linker.allow_shadowing(false);
    Ok(())
}

type BodyResult = Result<Resource<HostOutgoingBody>, ()>;

fn body(
    mut store: StoreContextMut<'_, ProcessState>,
    (response,): (Resource<HostOutgoingResponse>,),
) -> wasmtime::Result<(BodyResult,)> {
    let state = store.data_mut();
    let made = types::HostOutgoingResponse::body(&mut state.http(), Resource::new_borrow(response.rep()))?;
    if let Ok(made) = &made {
        let finished = Arc::<AtomicBool>::default();
        let response = state.table().get_mut(&response)?;
        response.body = response.body.take().map(|inner| Watched { inner, finished: finished.clone() }.boxed_unsync());
        let rep = made.rep();
        if let Some(answers) = state.extension_mut::<Answers>() {
            answers.0.insert(rep, finished);
        } else {
            finished.store(true, Ordering::Release);
        }
    }
    Ok((made,))
}

type FinishResult = Result<(), ErrorCode>;

fn finish(
    mut store: StoreContextMut<'_, ProcessState>,
    (body, trailers): (Resource<HostOutgoingBody>, Option<Resource<FieldMap>>),
) -> wasmtime::Result<(FinishResult,)> {
    let state = store.data_mut();
    let finished = state.extension_mut::<Answers>().and_then(|answers| answers.0.remove(&body.rep()));
    if let Some(finished) = finished {
        finished.store(true, Ordering::Release);
    }
    match types::HostOutgoingBody::finish(&mut state.http(), body, trailers) {
        Ok(()) => Ok((Ok(()),)),
        Err(error) => Ok((Err(error.downcast()?),)),
    }
}

struct Watched {
    inner: HyperOutgoingBody,
    finished: Arc<AtomicBool>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let frame = std::task::ready!(Pin::new(&mut this.inner).poll_frame(cx));
        if frame.is_none() && !this.finished.load(Ordering::Acquire) {
            return Poll::Ready(Some(Err(Error::HttpProtocolError)));
        }
        Poll::Ready(frame)
    }
}
