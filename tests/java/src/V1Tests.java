// SPDX-License-Identifier: Apache-2.0
import com.sun.net.httpserver.HttpServer;
import java.lang.reflect.InvocationTargetException;
import java.net.InetSocketAddress;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.mesos.v1.Protos.*;
import org.apache.mesos.v1.scheduler.Mesos;
import org.apache.mesos.v1.scheduler.Protos.Call;
import org.apache.mesos.v1.scheduler.Protos.Event;
import org.apache.mesos.v1.scheduler.Scheduler;
import org.apache.mesos.v1.scheduler.V0Mesos;
import org.apache.mesos.v1.scheduler.V1Mesos;

/** java V1Tests <test> <master>: schedulers that speak the v1 API through the library. */
public class V1Tests implements Scheduler {
    static final FrameworkInfo FRAMEWORK =
            FrameworkInfo.newBuilder().setUser(System.getProperty("user.name")).setName("v1").setFailoverTimeout(600).build();

    final String master;
    final LinkedBlockingQueue<Object> events = new LinkedBlockingQueue<>();
    volatile boolean throwOnReceive;
    FrameworkID id;

    V1Tests(String master) {
        this.master = master;
    }

    public void connected(Mesos mesos) {
        events.add("connected");
    }

    public void disconnected(Mesos mesos) {
        events.add("disconnected");
    }

    public void received(Mesos mesos, Event event) {
        if (throwOnReceive)
            throw new IllegalStateException("thrown by the test");
        events.add(event);
    }

    static void check(boolean condition, Object what) {
        if (!condition)
            throw new AssertionError(String.valueOf(what));
    }

    Object next() throws InterruptedException {
        Object event = events.poll(90, TimeUnit.SECONDS);

        check(event != null, "nothing came");
        return event;
    }

    void expect(String what) throws InterruptedException {
        Object event;

        do
            event = next();
        while (event instanceof Event);
        check(event.equals(what), event + " instead of " + what);
    }

    Event expect(Event.Type type) throws InterruptedException {
        while (true) {
            Object event = next();

            check(event instanceof Event, event + " instead of " + type);
            if (((Event) event).getType() == type)
                return (Event) event;
        }
    }

    void send(Mesos mesos, Call.Builder call) {
        if (id != null)
            call.setFrameworkId(id);
        mesos.send(call.build());
    }

    void subscribe(Mesos mesos) throws InterruptedException {
        FrameworkInfo.Builder framework = FRAMEWORK.toBuilder();

        if (id != null)
            framework.setId(id);
        send(mesos, Call.newBuilder().setType(Call.Type.SUBSCRIBE)
                            .setSubscribe(Call.Subscribe.newBuilder().setFrameworkInfo(framework)));
        FrameworkID given = expect(Event.Type.SUBSCRIBED).getSubscribed().getFrameworkId();
        check(id == null || id.equals(given), given);
        id = given;
    }

    static Resource scalar(String name, double value) {
        return Resource.newBuilder().setName(name).setType(Value.Type.SCALAR)
                .setScalar(Value.Scalar.newBuilder().setValue(value)).build();
    }

    /** A task from its offer to its end, with every update acknowledged. */
    void run(Mesos mesos) throws InterruptedException {
        launch(mesos, offer(), "t", "true");
        TaskStatus status;
        do {
            status = expect(Event.Type.UPDATE).getUpdate().getStatus();
            check(status.getState() != TaskState.TASK_FAILED, status);
            if (status.hasUuid())
                acknowledge(mesos, status);
        } while (status.getState() != TaskState.TASK_FINISHED);
    }

    void acknowledge(Mesos mesos, TaskStatus status) {
        send(mesos, Call.newBuilder().setType(Call.Type.ACKNOWLEDGE).setAcknowledge(Call.Acknowledge.newBuilder()
                .setAgentId(status.getAgentId()).setTaskId(status.getTaskId()).setUuid(status.getUuid())));
    }

    void launch(Mesos mesos, Offer offer, String id, String command) {
        TaskInfo task = TaskInfo.newBuilder().setName(id).setTaskId(TaskID.newBuilder().setValue(id))
                .setAgentId(offer.getAgentId()).setCommand(CommandInfo.newBuilder().setValue(command))
                .addResources(scalar("cpus", 0.1)).addResources(scalar("mem", 32)).build();
        send(mesos, Call.newBuilder().setType(Call.Type.ACCEPT).setAccept(Call.Accept.newBuilder()
                .addOfferIds(offer.getId()).addOperations(Offer.Operation.newBuilder()
                        .setType(Offer.Operation.Type.LAUNCH)
                        .setLaunch(Offer.Operation.Launch.newBuilder().addTaskInfos(task)))));
    }

    Offer offer() throws InterruptedException {
        return expect(Event.Type.OFFERS).getOffers().getOffers(0);
    }

    void tearDown(Mesos mesos) {
        send(mesos, Call.newBuilder().setType(Call.Type.TEARDOWN));
    }

    // The tests

    void v1_a_task_runs_to_its_end() throws Exception {
        Mesos mesos = new V1Mesos(this, master);
        expect("connected");
        subscribe(mesos);
        expect(Event.Type.HEARTBEAT);
        run(mesos);
        tearDown(mesos);
        expect("disconnected");
    }

    /** Aurora with its newer driver, played (docs/frameworks.md). */
    void v1_aurora_declines_launches_reconciles_and_kills() throws Exception {
        Mesos mesos = new V1Mesos(this, master);
        expect("connected");
        subscribe(mesos);
        send(mesos, Call.newBuilder().setType(Call.Type.DECLINE).setDecline(Call.Decline.newBuilder()
                .addOfferIds(offer().getId()).setFilters(Filters.newBuilder().setRefuseSeconds(0))));
        launch(mesos, offer(), "t", "sleep 1000");
        for (TaskState state : new TaskState[] {TaskState.TASK_STARTING, TaskState.TASK_RUNNING}) {
            TaskStatus status = expect(Event.Type.UPDATE).getUpdate().getStatus();
            check(status.getState() == state, status);
            acknowledge(mesos, status);
        }
        TaskID task = TaskID.newBuilder().setValue("t").build();
        send(mesos, Call.newBuilder().setType(Call.Type.RECONCILE).setReconcile(Call.Reconcile.newBuilder()
                .addTasks(Call.Reconcile.Task.newBuilder().setTaskId(task))));
        TaskStatus known = expect(Event.Type.UPDATE).getUpdate().getStatus();
        check(known.getReason() == TaskStatus.Reason.REASON_RECONCILIATION && !known.hasUuid(), known);
        check(known.getState() == TaskState.TASK_RUNNING, known);
        send(mesos, Call.newBuilder().setType(Call.Type.KILL).setKill(Call.Kill.newBuilder().setTaskId(task)));
        TaskStatus killed = expect(Event.Type.UPDATE).getUpdate().getStatus();
        check(killed.getState() == TaskState.TASK_KILLED, killed);
        tearDown(mesos);
        expect("disconnected");
    }

    void v1_a_reconnected_framework_keeps_its_id() throws Exception {
        Mesos mesos = new V1Mesos(this, master, null);
        expect("connected");
        subscribe(mesos);
        mesos.reconnect();
        expect("disconnected");
        expect("connected");
        subscribe(mesos);
        tearDown(mesos);
        expect("disconnected");
    }

    void v1_a_refused_subscription_is_an_error_event() throws Exception {
        Mesos mesos = new V1Mesos(this, master);
        expect("connected");
        send(mesos, Call.newBuilder().setType(Call.Type.SUBSCRIBE).setSubscribe(Call.Subscribe.newBuilder()
                .setFrameworkInfo(FRAMEWORK.toBuilder().addRoles("a/../b")
                        .addCapabilities(FrameworkInfo.Capability.newBuilder()
                                .setType(FrameworkInfo.Capability.Type.MULTI_ROLE)))));
        expect(Event.Type.ERROR);
    }

    /** Apache's master listens before it knows its paths. */
    void v1_a_master_that_does_not_know_the_path_yet_is_asked_again() throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0); // answers 404 to everything
        server.start();
        Mesos mesos = new V1Mesos(this, "127.0.0.1:" + server.getAddress().getPort());
        for (int i = 0; i < 2; i++) {
            check("connected".equals(next()), "not connected");
            send(mesos, Call.newBuilder().setType(Call.Type.SUBSCRIBE)
                                .setSubscribe(Call.Subscribe.newBuilder().setFrameworkInfo(FRAMEWORK)));
            Object event = next();
            check("disconnected".equals(event), event);
        }
        server.stop(0);
    }

    void v1_an_exception_ends_the_callbacks() throws Exception {
        Mesos mesos = new V1Mesos(this, master);
        expect("connected");
        throwOnReceive = true;
        send(mesos, Call.newBuilder().setType(Call.Type.SUBSCRIBE)
                            .setSubscribe(Call.Subscribe.newBuilder().setFrameworkInfo(FRAMEWORK)));
        check(events.poll(2, TimeUnit.SECONDS) == null, "a callback came");
    }

    void v1_a_bad_master_is_an_exception() {
        try {
            new V1Mesos(this, "");
            throw new AssertionError("no exception");
        } catch (IllegalArgumentException expected) {
            check(!expected.getMessage().isEmpty(), expected);
        }
    }

    void v1_finalisers_are_safe() throws Exception {
        for (int i = 0; i < 20; i++)
            new V1Mesos(new V1Tests(master), master);
        for (int i = 0; i < 5; i++) {
            System.gc();
            System.runFinalization();
        }
        v1_a_task_runs_to_its_end();
    }

    void v0_a_task_runs_to_its_end() throws Exception {
        Mesos mesos = new V0Mesos(this, FRAMEWORK, master);
        expect("connected");
        subscribe(mesos);
        expect(Event.Type.HEARTBEAT);
        run(mesos);
        tearDown(mesos);
        expect("disconnected");
    }

    void v0_finalisers_are_safe() throws Exception {
        for (int i = 0; i < 20; i++)
            new V0Mesos(new V1Tests(master), FRAMEWORK, master);
        for (int i = 0; i < 5; i++) {
            System.gc();
            System.runFinalization();
        }
        v0_a_task_runs_to_its_end();
    }

    void v0_reconnect_does_nothing() throws Exception {
        Mesos mesos = new V0Mesos(this, FRAMEWORK, master, null);
        expect("connected");
        mesos.reconnect();
        subscribe(mesos);
        tearDown(mesos);
        expect("disconnected");
    }

    public static void main(String[] args) throws Throwable {
        try {
            V1Tests.class.getDeclaredMethod(args[0]).invoke(new V1Tests(args[1]));
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
        System.out.println("passed");
        System.exit(0);
    }
}
