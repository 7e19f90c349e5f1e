//! OTP for Rust, without WebAssembly, sockets or a clock of its own: processes, signals, links, monitors, names, timers
//! and supervision, on the [`seam`]s that production and the simulator implement.

mod application;
mod behaviour;
mod calls;
mod cluster_names;
pub mod conformance;
mod context;
mod discard;
mod event_manager;
mod exit_reason;
mod factory;
mod groups;
mod handle;
mod long_schedule;
mod mailbox;
mod mailbox_bound;
mod mark;
mod message;
mod node;
mod pid;
mod process;
mod receive;
#[cfg(feature = "redb")]
mod redb_file;
mod registry;
mod remote;
mod rendezvous;
pub mod seam;
mod server;
mod sharing;
mod signal;
mod small_map;
mod spawn;
mod state_machine;
mod supervisor;
mod sync;
pub mod sys;
mod table;
mod task;
mod task_supervisor;
mod tasks;
mod timer;
mod trace;
mod unique_names;

pub use application::{
    ApplicationError, ApplicationSpec, Applications, ApplicationsRef, Moment, RunningApplication, StartType,
};
pub use behaviour::{Behaviour, BehaviourRef, CallFrom, RequestId, RequestIds, Response, StopError};
pub use calls::Calls;
pub use cluster_names::{ClusterNameError, ClusterNames};
pub use context::{CallError, Context, SpawnReply, TimerFired};
pub use event_manager::{
    EventHandler, EventManager, EventManagerError, EventManagerRef, Handled, HandlerEnd, HandlerEnded,
};
pub use exit_reason::{EXIT_REASON_DETAIL_MAX, ExitReason};
pub use factory::{Factory, ProcessBody, ProcessSpec, process_body};
pub use groups::{
    GroupChange, GroupEvent, GroupsRef, KeyRegistry, KeyRegistryRef, Keys, LeaveError, ProcessGroups, RegistryError,
};
pub use mailbox_bound::{MailboxBound, Overflow, Returned};
pub use mark::Mark;
pub use message::{Caller, Destination, Encoding, Message, Monitored, Payload, Term};
pub use node::{Node, NodeOptions, ProcessInfo};
pub use pid::{NodeId, Pid, Reference};
pub use process::AliasMode;
#[cfg(feature = "redb")]
pub use redb_file::{RedbFailed, RedbFile};
pub use registry::Badarg;
pub use remote::{
    Association, Foreign, MemberStatus, NodeEvent, NodeInfo, NodeReason, NodeStatus, RemoteKind, RemoteSignal,
    RemoteTarget, SpawnOutcome, SpawnRequest,
};
pub use seam::{BoxFuture, Envelope, Timestamp};
pub use server::{Called, Init, Next, Server, ServerRef};
pub use signal::Signal;
pub use spawn::{SpawnOptions, Spawned, Started};
pub use state_machine::{
    Enter, Event, Initial, MachineInit, Standing, StateMachine, StateMachineRef, Step, TimeoutName, Transition,
};
pub use supervisor::{
    AutoShutdown, ChildArgs, ChildCounts, ChildInfo, ChildKind, ChildRef, ChildSpec, ChildStart, Decision, Restart,
    Shutdown, SpecError, Strategy, Supervisor, SupervisorError, SupervisorFlags, SupervisorRef, SupervisorReport,
    SupervisorSpec,
};
pub use table::PROCESSES_MAX;
pub use task_supervisor::TaskSupervisor;
pub use tasks::{Task, TaskError};
pub use trace::{TraceEvent, Tracer};
pub use unique_names::{
    NoUniqueNames, OwnUniqueNames, Registered, SingletonProcess, UniqueError, UniqueHolder, UniqueLease, UniqueRegistry,
};
