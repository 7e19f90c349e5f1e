%% The measures in Erlang. Prints what was used as one line of JSON.
-module(bench).
-behaviour(gen_server).
-export([main/1, init/1, handle_call/3, handle_cast/2, start_worker/2]).

main([Name, Operations]) ->
    ok = logger:set_primary_config(level, none),
    N = list_to_integer(Operations),
    Measure = list_to_atom(Name),
    case lists:member(Measure, ['spawn', 'ping-pong', pairs, 'four-to-one', ring, call, reference, pattern]) of
        true -> in_process(fun() -> measure(Measure, N div 10) end);
        false -> ok
    end,
    {Cpu, Wall, Bytes} = in_process(fun() -> measure(Measure, N) end),
    io:format("{\"cpu_us\":~w,\"wall_us\":~w,\"bytes\":~w}~n", [float(Cpu), float(Wall), float(Bytes)]),
    erlang:halt(0).

in_process(Fun) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({used, Fun()}) end),
    receive {'DOWN', Ref, process, Pid, {used, Used}} -> Used end.

now_used() ->
    {ok, Statm} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = binary:split(Statm, <<" ">>, [global]),
    {Cpu, _} = statistics(runtime),
    {Cpu * 1000, erlang:monotonic_time(microsecond), binary_to_integer(Pages) * 4096}.

used({Cpu, Wall, Bytes}) ->
    {CpuNow, WallNow, BytesNow} = now_used(),
    {CpuNow - Cpu, WallNow - Wall, BytesNow - Bytes}.

measure('spawn', N) ->
    Begin = now_used(),
    times(N div 100, fun(_) ->
        times(100, fun(_) -> spawn_monitor(fun() -> ok end) end),
        times(100, fun(_) -> receive {'DOWN', _, _, _, _} -> ok end end)
    end),
    used(Begin);
measure('ping-pong', N) ->
    Pong = spawn_link(fun pong/0),
    Begin = now_used(),
    ping(Pong, N),
    used(Begin);
measure(pairs, N) ->
    Begin = now_used(),
    Refs = [element(2, spawn_monitor(fun() -> ping(spawn_link(fun pong/0), N div 8) end)) || _ <- lists:seq(1, 8)],
    [receive {'DOWN', Ref, _, _, _} -> ok end || Ref <- Refs],
    used(Begin);
measure('four-to-one', N) ->
    Self = self(),
    Begin = now_used(),
    [spawn_link(fun() -> times(N div 4, fun(I) -> Self ! I end) end) || _ <- lists:seq(1, 4)],
    times(N div 4 * 4, fun(_) -> receive I when is_integer(I) -> ok end end),
    used(Begin);
measure(ring, N) ->
    First = lists:foldl(fun(_, To) -> spawn_link(fun() -> pass_on(To) end) end, self(), lists:seq(1, 999)),
    Begin = now_used(),
    First ! N,
    around(First),
    used(Begin);
measure(call, N) ->
    {ok, Server} = gen_server:start_link(?MODULE, [], []),
    Begin = now_used(),
    times(N, fun(I) -> gen_server:call(Server, I) end),
    used(Begin);
measure('restart-10', N) -> restart(10, N);
measure('restart-1k', N) -> restart(1000, N);
measure('restart-100k', N) -> restart(100000, N);
measure(reference, N) ->
    Server = spawn_link(fun serve/0),
    times(10000, fun(I) -> self() ! {other, I} end),
    Begin = now_used(),
    times(N, fun(I) -> ask(Server, I) end),
    used(Begin);
measure(pattern, N) ->
    times(10000, fun(I) -> self() ! {other, I} end),
    Begin = now_used(),
    times(N, fun(I) -> self() ! {wanted, I}, receive {wanted, _} -> ok end end),
    used(Begin);
measure(idle, N) ->
    Begin = now_used(),
    Self = self(),
    times(N div 1000, fun(_) ->
        times(1000, fun(_) -> spawn(fun() -> Self ! up, receive stop -> ok end end) end),
        times(1000, fun(_) -> receive up -> ok end end)
    end),
    used(Begin);
measure('idle-million', N) -> measure(idle, N);
measure(links, N) ->
    death(N, fun(Hub) -> process_flag(trap_exit, true), link(Hub) end);
measure(monitors, N) ->
    death(N, fun(Hub) -> monitor(process, Hub) end).

times(0, _) -> ok;
times(N, Fun) -> Fun(N), times(N - 1, Fun).

pong() ->
    receive {From, I} -> From ! I, pong() end.

ping(_, 0) -> ok;
ping(Pong, N) ->
    Pong ! {self(), N},
    receive N -> ping(Pong, N - 1) end.

pass_on(To) ->
    receive 0 -> To ! 0, pass_on(To); Left -> To ! Left - 1, pass_on(To) end.

around(First) ->
    receive 0 -> ok; Left -> First ! Left - 1, around(First) end.

serve() ->
    receive {From, Ref, I} -> From ! {Ref, I + 1}, serve() end.

ask(Server, I) ->
    Ref = make_ref(),
    Server ! {self(), Ref, I},
    receive {Ref, Reply} -> Reply end.

init([]) -> {ok, []};
init({sup, Children, Driver}) ->
    Spec = fun(I) -> #{id => I, start => {?MODULE, start_worker, [I, Driver]}} end,
    {ok, {#{strategy => one_for_one, intensity => 1000000000, period => 1}, [Spec(I) || I <- lists:seq(1, Children)]}}.

handle_call(I, _, State) -> {reply, I + 1, State}.

handle_cast(_, State) -> {noreply, State}.

start_worker(I, Driver) ->
    {ok, spawn_link(fun() -> Driver ! {up, I, self()}, receive crash -> exit(crash) end end)}.

restart(Children, N) ->
    {ok, _} = supervisor:start_link(?MODULE, {sup, Children, self()}),
    Pids = maps:from_list([receive {up, I, Pid} -> {I, Pid} end || _ <- lists:seq(1, Children)]),
    Few = min(N, 1000),
    Begin = now_used(),
    crash(Few, Children, Pids),
    {Cpu, Wall, Bytes} = used(Begin),
    {Cpu * N / Few, Wall * N / Few, Bytes * N / Few}.

%% A supervisor keeps a list of the restarts in its period, and goes through it at each. That is not what is measured: the
%% list is given time to get empty.
crash(0, _, _) -> ok;
crash(N, Children, Pids) ->
    N rem 200 =:= 0 andalso timer:sleep(2100),
    I = N rem Children + 1,
    maps:get(I, Pids) ! crash,
    receive {up, I, Pid} -> crash(N - 1, Children, Pids#{I := Pid}) end.

death(N, Watch) ->
    Self = self(),
    Seen = counters:new(1, []),
    Hub = spawn(fun() -> receive stop -> ok end end),
    times(N, fun(_) -> spawn(fun() ->
        Watch(Hub),
        Self ! up,
        receive {'EXIT', Hub, _} -> ok; {'DOWN', _, _, Hub, _} -> ok end,
        counters:add(Seen, 1, 1),
        counters:get(Seen, 1) =:= N andalso (Self ! seen),
        receive stop -> ok end
    end) end),
    times(N, fun(_) -> receive up -> ok end end),
    Begin = now_used(),
    Hub ! stop,
    receive seen -> ok end,
    used(Begin).
