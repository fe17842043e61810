// SPDX-License-Identifier: Apache-2.0
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.mesos.Log;
import org.apache.mesos.MesosNativeLibrary;
import org.apache.mesos.state.AbstractState;
import org.apache.mesos.state.LevelDBState;
import org.apache.mesos.state.LogState;
import org.apache.mesos.state.State;
import org.apache.mesos.state.Variable;
import org.apache.mesos.state.ZooKeeperState;

/** java [-Dzookeeper=host:port] StateTests <test> <anything>: the storage of the Java API, in a folder or in ZooKeeper. */
public class StateTests {
    static final String SERVERS = System.getProperty("zookeeper");

    final Path path;
    final State state;

    StateTests() throws Exception {
        MesosNativeLibrary.load();
        path = Files.createTempDirectory("state");
        state = open();
    }

    /** The same state each time it is called. */
    State open() {
        if (SERVERS == null)
            return new LevelDBState(path.resolve("made").toString());
        return new ZooKeeperState(SERVERS, 10, TimeUnit.SECONDS, "/states/" + path.getFileName() + "/");
    }

    static void check(boolean condition, Object what) {
        if (!condition)
            throw new AssertionError(String.valueOf(what));
    }

    static List<String> names(State state) throws Exception {
        List<String> names = new ArrayList<>();
        Iterator<String> iterator = state.names().get();

        while (iterator.hasNext())
            names.add(iterator.next());
        return names;
    }

    // The tests

    void a_variable_outlives_its_state() throws Exception {
        Variable empty = state.fetch("a").get();
        check(empty.value().length == 0, "what is not stored is empty");
        byte[] value = {0, 1, (byte) 255};
        Variable stored = state.store(empty.mutate(value)).get(30, TimeUnit.SECONDS);
        check(Arrays.equals(value, stored.value()), "stored");
        check(empty.value().length == 0, "mutate() makes another variable");
        State again = open();
        check(Arrays.equals(value, again.fetch("a").get().value()), "fetched by another");
        check(names(again).equals(Arrays.asList("a")), names(again));
    }

    void who_comes_too_late_does_not_store() throws Exception {
        Variable first = state.fetch("a").get(), second = state.fetch("a").get();
        Variable stored = state.store(first.mutate("first".getBytes())).get();
        check(state.store(second.mutate("second".getBytes())).get() == null, "stored over somebody else's");
        check(state.store(stored.mutate("third".getBytes())).get() != null, "not stored");
        check(new String(state.fetch("a").get().value()).equals("third"), "fetched");
    }

    void what_is_expunged_is_gone() throws Exception {
        Variable variable = state.fetch("a").get();
        check(!state.expunge(variable).get(), "nothing was there");
        Variable old = state.store(variable.mutate("1".getBytes())).get();
        Variable now = state.store(old.mutate("2".getBytes())).get();
        check(!state.expunge(old).get(30, TimeUnit.SECONDS), "expunged by an old version");
        check(state.expunge(now).get(), "not expunged");
        check(names(state).isEmpty(), names(state));
    }

    void futures_are_done_and_never_cancelled() throws Exception {
        Variable variable = state.fetch("a").get();
        for (Future<?> future : Arrays.asList(state.fetch("a"), state.store(variable), state.names(),
                                              state.expunge(variable))) {
            check(!future.cancel(false) && !future.isCancelled(), future);
            future.get(30, TimeUnit.SECONDS);
            check(!future.cancel(true) && !future.isCancelled(), future);
            future.get();
            check(future.isDone() && !future.isCancelled(), future);
        }
    }

    /** The natives of classes before 0.24, which the published ones keep but do not call. */
    void old_futures_work_too() throws Exception {
        Variable variable = state.fetch("a").get();
        Object[][] begins = {{"fetch", String.class, "a"}, {"store", Variable.class, variable},
                             {"expunge", Variable.class, variable}, {"names", null, null}};
        for (Object[] begin : begins) {
            String name = "__" + begin[0];
            Object handle = begin[1] == null ? old(name) : old(name, (Class<?>) begin[1], begin[2]);
            check(old(name + "_is_cancelled", long.class, handle).equals(false), name);
            check(old(name + "_get", long.class, handle) != null, name);
            check(old(name + "_cancel", long.class, handle).equals(false), name);
            check(old(name + "_is_done", long.class, handle).equals(true), name);
            check(old(name + "_get_timeout", long.class, handle, long.class, 1L, TimeUnit.class, TimeUnit.SECONDS)
                          != null, name);
            old(name + "_finalize", long.class, handle);
        }
    }

    private Object old(String name, Object... typesAndValues) throws Exception {
        Class<?>[] types = new Class<?>[typesAndValues.length / 2];
        Object[] values = new Object[types.length];
        for (int i = 0; i < types.length; i++) {
            types[i] = (Class<?>) typesAndValues[2 * i];
            values[i] = typesAndValues[2 * i + 1];
        }
        Method method = AbstractState.class.getDeclaredMethod(name, types);
        method.setAccessible(true);
        return method.invoke(state, values);
    }

    void finalisers_are_safe() throws Exception {
        for (int i = 0; i < (SERVERS == null ? 1000 : 30); i++) {
            State garbage = open();
            garbage.fetch("a").get().mutate(new byte[i]);
            garbage.fetch("b");
            if (i % 10 == 0)
                System.gc();
        }
        System.gc();
        System.runFinalization();
    }

    void a_bad_path_is_an_exception() {
        try {
            new LevelDBState("/proc/none/state");
            throw new AssertionError("no exception");
        } catch (IllegalArgumentException expected) {
            check(expected.getMessage().contains("/proc/none/state"), expected);
        }
    }

    interface Attempt {
        void run() throws Exception;
    }

    static void refused(Attempt attempt) throws Exception {
        try {
            attempt.run();
            throw new AssertionError("no exception");
        } catch (UnsupportedOperationException expected) {
            check(expected.getMessage().contains("LevelDBState"), expected);
        }
    }

    void the_replicated_log_is_refused() throws Exception {
        refused(() -> new LogState("127.0.0.1:1", 1, TimeUnit.SECONDS, "/log", 1, "log", 0));
        refused(() -> new Log(1, "log", Collections.emptySet()));
        refused(() -> new Log(1, "log", "127.0.0.1:1", 1, TimeUnit.SECONDS, "/log"));
        refused(() -> new Log(1, "log", "127.0.0.1:1", 1, TimeUnit.SECONDS, "/log", "digest", new byte[0]));
        refused(() -> new Log.Reader(null));
        refused(() -> new Log.Writer(null, 1, TimeUnit.SECONDS, 1));
        System.gc();
        System.runFinalization();
    }

    static void fails(Future<?> future, String reason) throws Exception {
        try {
            throw new AssertionError(String.valueOf(future.get(30, TimeUnit.SECONDS)));
        } catch (ExecutionException expected) {
            check(expected.getMessage().contains(reason), expected);
        }
    }

    /** What waits for a server that is not there can be given up, and does not hold up the end of its state. */
    void without_zookeeper_nothing_is_done() throws Exception {
        for (int i = 0; i < 3; i++) {
            Future<Variable> future =
                    new ZooKeeperState("127.0.0.1:1", 1, TimeUnit.SECONDS, "/state").fetch("a");
            check(!future.isDone(), future);
            try {
                throw new AssertionError(future.get(10, TimeUnit.MILLISECONDS).toString());
            } catch (TimeoutException expected) {
                check(!future.isDone(), future);
            }
            check(!future.cancel(false) && !future.isDone(), future);
            check(!future.cancel(true) && !future.isCancelled() && future.isDone(), future);
        }
        System.gc();
        System.runFinalization();
    }

    void zookeeper_takes_a_mebibyte_and_no_more() throws Exception {
        Variable variable = state.fetch("a").get();
        fails(state.store(variable.mutate(new byte[1 << 20])), "too big");
        byte[] large = new byte[1000000];
        check(state.store(variable.mutate(large)).get() != null, "not stored");
        check(Arrays.equals(large, state.fetch("a").get().value()), "fetched");
        fails(new ZooKeeperState(SERVERS, 10, TimeUnit.SECONDS, "/nowhere").names(), "/nowhere");
    }

    /** What is there is Mesos's; what is stored is looked at, by whoever runs this. */
    void zookeeper_has_entries_as_mesos_writes_them() throws Exception {
        State mesos = new ZooKeeperState(SERVERS, 10, TimeUnit.SECONDS, "/mesos/state");
        check(names(mesos).equals(Arrays.asList("bad", "known")), names(mesos));
        Variable known = mesos.fetch("known").get();
        check(new String(known.value()).equals("of Mesos"), new String(known.value()));
        check(mesos.store(known.mutate("of ours".getBytes())).get() != null, "not stored");
        fails(mesos.fetch("bad"), "deserialize");
        Variable made = mesos.fetch("made").get();
        check(mesos.store(made.mutate(new byte[0])).get() != null, "not stored");
    }

    void zookeeper_credentials_guard_what_all_may_read() throws Exception {
        byte[] credentials = "user:secret".getBytes();
        State guarded = new ZooKeeperState(SERVERS, 10, TimeUnit.SECONDS, "/guarded", "digest", credentials);
        check(guarded.store(guarded.fetch("a").get().mutate("1".getBytes())).get() != null, "not stored");
        State other = new ZooKeeperState(SERVERS, 10, TimeUnit.SECONDS, "/guarded");
        Variable read = other.fetch("a").get();
        check(new String(read.value()).equals("1"), "read");
        fails(other.store(read.mutate("2".getBytes())), "not authenticated");
        fails(other.expunge(read), "not authenticated");
        State again = new ZooKeeperState(SERVERS, 10, TimeUnit.SECONDS, "/guarded", "digest", credentials);
        check(again.store(again.fetch("a").get().mutate("2".getBytes())).get() != null, "not stored");
    }

    /** The server is stopped when "ready" is read, and started again when "waiting" is. */
    void zookeeper_comes_back() throws Exception {
        Variable stored = state.store(state.fetch("a").get().mutate("1".getBytes())).get();
        System.out.println("ready");
        System.in.read();
        Future<Variable> future = state.store(stored.mutate("2".getBytes()));
        System.out.println("waiting");
        check(new String(future.get().value()).equals("2"), "stored");
        check(new String(state.fetch("a").get().value()).equals("2"), "fetched");
    }

    /** Readers and writers that nobody can make, made without their constructors. */
    void what_readers_and_writers_do_is_refused_as_well() throws Exception {
        Log.Reader reader = bare(Log.Reader.class);
        Log.Writer writer = bare(Log.Writer.class);
        refused(reader::beginning);
        refused(reader::ending);
        refused(() -> reader.read(null, null, 1, TimeUnit.SECONDS));
        refused(() -> reader.catchup(1, TimeUnit.SECONDS));
        refused(() -> writer.append(new byte[0], 1, TimeUnit.SECONDS));
        refused(() -> writer.truncate(null, 1, TimeUnit.SECONDS));
    }

    @SuppressWarnings("unchecked")
    static <T> T bare(Class<T> type) throws Exception {
        Class<?> factory = Class.forName("sun.reflect.ReflectionFactory");
        Constructor<?> constructor = (Constructor<?>) factory
                .getMethod("newConstructorForSerialization", Class.class, Constructor.class)
                .invoke(factory.getMethod("getReflectionFactory").invoke(null), type,
                        Object.class.getDeclaredConstructor());
        return (T) constructor.newInstance();
    }

    public static void main(String[] args) throws Throwable {
        try {
            StateTests.class.getDeclaredMethod(args[0]).invoke(new StateTests());
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
        System.out.println("passed");
        System.exit(0);
    }
}
