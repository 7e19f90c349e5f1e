%% The measures between two nodes in Erlang. Prints what was used as one line of JSON.
-module(cluster).
-export([serve/0, main/1, sink/0, echo/0, deaf/0, used/0, os_pid/0]).

-define(B, 'b@127.0.0.1').

serve() ->
    io:format("ready~n").

main([Name, Operations]) ->
    ok = logger:set_primary_config(level, none),
    N = list_to_integer(Operations),
    connect(100),
    spawn(fun() -> run(list_to_atom(Name), N) end).

connect(Tries) ->
    case net_kernel:connect_node(?B) of
        true -> ok;
        _ when Tries > 0 -> timer:sleep(50), connect(Tries - 1)
    end.

run(killed, _) ->
    Pid = spawn(?B, ?MODULE, deaf, []),
    monitor(process, Pid),
    Os = erpc:call(?B, ?MODULE, os_pid, []),
    Begin = erlang:monotonic_time(microsecond),
    os:cmd("kill -9 " ++ Os),
    receive {'DOWN', _, _, _, _} -> ok end,
    print(0, erlang:monotonic_time(microsecond) - Begin, 0, 0);
run(Measure, N) ->
    case Measure of
        'beside-slow' ->
            Deaf = spawn(?B, ?MODULE, deaf, []),
            spawn(fun() -> pour(Deaf, binary:copy(<<0>>, 1024)) end);
        _ -> ok
    end,
    once(Measure, N div 10 + 1),
    Cpu = both(),
    Begin = erlang:monotonic_time(microsecond),
    Trips = once(Measure, N),
    Wall = erlang:monotonic_time(microsecond) - Begin,
    Used = both() - Cpu,
    Sorted = list_to_tuple(lists:sort(Trips)),
    print(Used, Wall, at(Sorted, 50), at(Sorted, 99)).

at({}, _) -> 0;
at(Sorted, Percent) -> element(size(Sorted) * Percent div 100 + 1, Sorted) / 1000.

print(Cpu, Wall, P50, P99) ->
    io:format("{\"cpu_us\":~w,\"wall_us\":~w,\"p50_us\":~w,\"p99_us\":~w}~n",
              [float(Cpu), float(Wall), float(P50), float(P99)]),
    erlang:halt(0).

both() -> used() + erpc:call(?B, ?MODULE, used, []).

%% CPU time of all threads, user and system.
used() ->
    {Cpu, _} = statistics(runtime),
    Cpu * 1000.

os_pid() -> os:getpid().

once(small, N) -> messages(8, N);
once('beside-slow', N) -> messages(8, N);
once('1k', N) -> messages(1024, N);
once('64k', N) -> messages(65536, N);
once('round-trip', N) ->
    Echo = spawn(?B, ?MODULE, echo, []),
    [begin
         Begin = erlang:monotonic_time(nanosecond),
         call(Echo),
         erlang:monotonic_time(nanosecond) - Begin
     end || _ <- lists:seq(1, N)];
once(pairs, N) ->
    Each = (N + 9999) div 10000,
    at_once(10000, fun() ->
        Echo = spawn(?B, ?MODULE, echo, []),
        [call(Echo) || _ <- lists:seq(1, Each)],
        exit(Echo, kill)
    end).

%% Eight senders, each with a receiver of its own.
messages(Len, N) ->
    Bytes = binary:copy(<<7>>, Len),
    at_once(8, fun() ->
        Sink = spawn(?B, ?MODULE, sink, []),
        send(Sink, Bytes, N div 8),
        call(Sink),
        exit(Sink, kill)
    end).

send(_, _, 0) -> ok;
send(To, Bytes, N) -> To ! Bytes, send(To, Bytes, N - 1).

at_once(Many, Fun) ->
    Refs = [element(2, spawn_monitor(Fun)) || _ <- lists:seq(1, Many)],
    [receive {'DOWN', Ref, _, _, _} -> ok end || Ref <- Refs],
    [].

call(To) ->
    Ref = monitor(process, To, [{alias, reply_demonitor}]),
    To ! {call, Ref, <<7:64>>},
    receive {Ref, _} -> ok end.

sink() ->
    receive
        {call, Ref, Request} -> Ref ! {Ref, Request};
        _ -> ok
    end,
    sink().

echo() ->
    receive {call, Ref, Request} -> Ref ! {Ref, Request} end,
    echo().

deaf() -> receive never -> ok end.

pour(To, Bytes) ->
    To ! Bytes,
    timer:sleep(1),
    pour(To, Bytes).
