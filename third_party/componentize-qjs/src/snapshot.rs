//! How Wizer reads the state of the evaluated instance.
//!
//! The same as `wasmtime_wizer::WasmtimeWizerComponent`, whose Cargo feature would turn on features of
//! Wasmtime that nothing else needs.

use wasmtime::Store;
use wasmtime::component::{Instance, Lift, WasmList};
use wasmtime_wizer::ComponentInstanceState;

use crate::evaluate::Ctx;

pub(crate) struct State<'a> {
    pub(crate) store: &'a mut Store<Ctx>,
    pub(crate) instance: Instance,
}

impl State<'_> {
    async fn call<R: Lift + Send + Sync + 'static, T>(
        &mut self,
        instance: &str,
        function: &str,
        read: impl FnOnce(&mut Store<Ctx>, R) -> T,
    ) -> T {
        let broken = "Wizer exports what it calls";
        let (_, interface) = self
            .instance
            .get_export(&mut *self.store, None, instance)
            .expect(broken);
        let (_, index) = self
            .instance
            .get_export(&mut *self.store, Some(&interface), function)
            .expect(broken);
        let function = self
            .instance
            .get_typed_func::<(), (R,)>(&mut *self.store, index)
            .expect(broken);
        let (value,) = function
            .call_async(&mut *self.store, ())
            .await
            .expect("reading the state does not trap");
        read(&mut *self.store, value)
    }
}

impl ComponentInstanceState for State<'_> {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        self.call(instance, func, |store, list: WasmList<u8>| {
            contents(list.as_le_slice(&*store))
        })
        .await
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.call(instance, func, |_, value| value).await
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.call(instance, func, |_, value| value).await
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.call(instance, func, |_, value: f32| value.to_bits())
            .await
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.call(instance, func, |_, value: f64| value.to_bits())
            .await
    }
}
