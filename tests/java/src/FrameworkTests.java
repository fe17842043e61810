// SPDX-License-Identifier: Apache-2.0
import com.google.protobuf.ByteString;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.mesos.MesosNativeLibrary;
import org.apache.mesos.MesosSchedulerDriver;
import org.apache.mesos.Protos.*;
import org.apache.mesos.state.State;
import org.apache.mesos.state.Variable;
import org.apache.mesos.state.ZooKeeperState;

/**
 * java FrameworkTests <framework> <master>: the frameworks of docs/frameworks.md, played: the calls their schedulers make
 * of a driver, in their order, with what they rely on asserted. What each is read from is told there.
 */
public class FrameworkTests extends DriverTests {
    static final Filters NO_FILTER = Filters.newBuilder().setRefuseSeconds(0).build();

    boolean isExplicit;

    FrameworkTests(String master) {
        super(master);
    }

    void register(FrameworkInfo.Builder framework, FrameworkInfo.Capability.Type... capabilities) throws Exception {
        framework.setUser(System.getProperty("user.name"));
        for (FrameworkInfo.Capability.Type type : capabilities)
            framework.addCapabilities(FrameworkInfo.Capability.newBuilder().setType(type));
        driver = new MesosSchedulerDriver(recorder, framework.build(), master, !isExplicit);
        running(driver.start());
        recorder.expect(framework.hasId() ? "reregistered" : "registered");
    }

    static void running(Status status) {
        same(Status.DRIVER_RUNNING, status);
    }

    /** The updates of a task, which come in this order and are acknowledged if that is left to the framework. */
    TaskStatus updates(String task, TaskState... states) throws Exception {
        TaskStatus status = null;
        for (TaskState state : states) {
            do {
                status = recorder.statuses.poll(Recorder.PATIENCE_S, TimeUnit.SECONDS);
                check(status != null, task + " is not " + state);
            } while (!status.getTaskId().getValue().equals(task));
            check(status.getState() == state, "expected " + state + ", not " + status);
            if (isExplicit && status.hasUuid())
                running(driver.acknowledgeStatusUpdate(status));
        }
        return status;
    }

    /** An executor that does what the script says; see PlayedExecutor. */
    static ExecutorInfo.Builder played(String id, String script) {
        String command = System.getProperty("executor.command").replace("TestExecutor", "PlayedExecutor");
        return executor().toBuilder().setExecutorId(ExecutorID.newBuilder().setValue(id)).setName(id)
                .setCommand(CommandInfo.newBuilder().setValue(command)).setData(ByteString.copyFromUtf8(script));
    }

    static TaskInfo task(String id, Offer offer, ExecutorInfo.Builder executor) {
        return task(id, offer, 0.1).setExecutor(executor).build();
    }

    static TaskID id(String task) {
        return TaskID.newBuilder().setValue(task).build();
    }

    static TaskStatus believed(String task, Offer offer) {
        TaskStatus.Builder status = TaskStatus.newBuilder().setTaskId(id(task)).setState(TaskState.TASK_RUNNING);
        return offer == null ? status.build() : status.setSlaveId(offer.getSlaveId()).build();
    }

    void reconcile(TaskStatus... statuses) {
        running(driver.reconcileTasks(Arrays.asList(statuses)));
    }

    /** An answer to reconciliation. An update that a scheduler did not come to acknowledge before it went away is sent again. */
    void reconciled(String task, TaskState state) throws Exception {
        TaskStatus status;
        do
            status = updates(task, state);
        while (status.hasUuid());
        same(TaskStatus.Reason.REASON_RECONCILIATION, status.getReason());
    }

    FrameworkInfo.Builder again(FrameworkInfo.Builder framework) {
        return framework.clone().clearCapabilities().setId(recorder.id);
    }

    static boolean hasVolume(Offer offer) {
        return offer.getResourcesList().stream().anyMatch(r -> r.getDisk().hasPersistence());
    }

    Offer offer(boolean withVolume) throws Exception {
        Offer offer = recorder.offer(0.1);
        while (hasVolume(offer) != withVolume) {
            running(driver.declineOffer(offer.getId(), NO_FILTER));
            offer = recorder.offer(0.1);
        }
        return offer;
    }

    void accept(Offer offer, Offer.Operation.Builder... operations) {
        List<Offer.Operation> built =
                Arrays.asList(Arrays.stream(operations).map(o -> o.build()).toArray(Offer.Operation[]::new));
        running(driver.acceptOffers(Collections.singleton(offer.getId()), built, NO_FILTER));
    }

    static Offer.Operation.Builder operation(Offer.Operation.Type type) {
        return Offer.Operation.newBuilder().setType(type);
    }

    // The tests

    /** An application with a local volume, and a pod. */
    @SuppressWarnings("deprecation")
    void marathon_reserves_and_keeps_a_volume() throws Exception {
        FrameworkInfo.Builder framework = FrameworkInfo.newBuilder().setName("marathon").setFailoverTimeout(604800)
                .setCheckpoint(true).setHostname("localhost").setPrincipal("marathon").addRoles("marathon")
                .setWebuiUrl("http://localhost:8080");
        FrameworkInfo.Capability.Type[] capabilities = {
                FrameworkInfo.Capability.Type.TASK_KILLING_STATE, FrameworkInfo.Capability.Type.PARTITION_AWARE,
                FrameworkInfo.Capability.Type.REGION_AWARE, FrameworkInfo.Capability.Type.MULTI_ROLE};
        isExplicit = true;
        register(framework, capabilities);
        reconcile();
        /* Its heartbeat: a task that nobody has, of an agent that nobody has, must be answered. */
        reconcile(believed("fake-marathon-pacemaker-task", null).toBuilder()
                          .setSlaveId(SlaveID.newBuilder().setValue("fake-marathon-pacemaker-agent")).build());
        reconciled("fake-marathon-pacemaker-task", TaskState.TASK_UNKNOWN);

        running(driver.updateFramework(framework.clone().setId(recorder.id).build(), Collections.emptyList(),
                org.apache.mesos.scheduler.Protos.OfferConstraints.getDefaultInstance()));
        running(driver.reviveOffers(Collections.singleton("marathon")));
        Resource.ReservationInfo reservation = Resource.ReservationInfo.newBuilder().setPrincipal("marathon")
                .setLabels(Labels.newBuilder().addLabels(Label.newBuilder().setKey("marathon_task_id").setValue("app")))
                .build();
        Resource.Builder reserved =
                scalar("disk", 16).toBuilder().setRole("marathon").setReservation(reservation);
        Resource volume = reserved.clone().setDisk(Resource.DiskInfo.newBuilder()
                .setPersistence(Resource.DiskInfo.Persistence.newBuilder().setId("app#data").setPrincipal("marathon"))
                .setVolume(Volume.newBuilder().setContainerPath("data").setMode(Volume.Mode.RW))).build();
        accept(offer(false),
               operation(Offer.Operation.Type.RESERVE)
                       .setReserve(Offer.Operation.Reserve.newBuilder().addResources(reserved)),
               operation(Offer.Operation.Type.CREATE)
                       .setCreate(Offer.Operation.Create.newBuilder().addVolumes(volume)));

        Offer offer = offer(true);
        accept(offer, operation(Offer.Operation.Type.LAUNCH).setLaunch(Offer.Operation.Launch.newBuilder().addTaskInfos(
                command("app", offer, "echo kept > data/file; sleep 1000").toBuilder().addResources(volume))));
        updates("app", TaskState.TASK_STARTING, TaskState.TASK_RUNNING);
        running(driver.killTask(id("app")));
        updates("app", TaskState.TASK_KILLING, TaskState.TASK_KILLED);

        offer = offer(true);
        ExecutorInfo pod = ExecutorInfo.newBuilder().setType(ExecutorInfo.Type.DEFAULT)
                .setExecutorId(ExecutorID.newBuilder().setValue("pod")).setFrameworkId(recorder.id)
                .addResources(scalar("cpus", 0.1)).addResources(scalar("mem", 32)).addResources(volume).build();
        accept(offer, operation(Offer.Operation.Type.LAUNCH_GROUP).setLaunchGroup(
                Offer.Operation.LaunchGroup.newBuilder().setExecutor(pod)
                        .setTaskGroup(TaskGroupInfo.newBuilder().addTasks(command("pod.one", offer, "true")))));
        updates("pod.one", TaskState.TASK_STARTING, TaskState.TASK_RUNNING, TaskState.TASK_FINISHED);

        same(Status.DRIVER_STOPPED, driver.stop(true));
        register(again(framework), capabilities);
        accept(offer(true),
               operation(Offer.Operation.Type.DESTROY)
                       .setDestroy(Offer.Operation.Destroy.newBuilder().addVolumes(volume)),
               operation(Offer.Operation.Type.UNRESERVE)
                       .setUnreserve(Offer.Operation.Unreserve.newBuilder().addResources(reserved)));
        offer = offer(false);
        check(offer.getResourcesList().stream().noneMatch(r -> r.hasReservation()), offer);
        stop();
    }

    /** What Chronos does to keep something. */
    static void keep(State state, String name, String value) throws Exception {
        Variable existing = state.fetch(name).get();
        Variable stored = state.store(existing.mutate(value.getBytes())).get();
        same(value, new String(stored.value()));
    }

    static State chronosState() {
        return new ZooKeeperState(System.getProperty("zookeeper"), 10, TimeUnit.SECONDS, "/chronos/state");
    }

    /** Jobs by the clock, kept in ZooKeeper; the tasks of one offer are launched together. */
    void chronos_runs_jobs_and_survives_its_failover() throws Exception {
        FrameworkInfo.Builder framework = FrameworkInfo.newBuilder().setName("chronos").setCheckpoint(true).setRole("*")
                .setFailoverTimeout(604800).setHostname("localhost").setWebuiUrl("http://localhost:4400");
        MesosNativeLibrary.load();
        State state = chronosState();
        keep(state, "J_done", "a job");
        keep(state, "J_long", "another");
        register(framework);
        keep(state, "frameworkid", recorder.id.getValue());
        running(driver.reviveOffers());
        running(driver.declineOffer(recorder.offer(1).getId(), Filters.newBuilder().setRefuseSeconds(100000).build()));
        running(driver.reviveOffers());
        Offer offer = recorder.offer(1);
        launch(offer, command("ct:1:0:done:", offer, "true"), command("ct:1:0:bad:", offer, "exit 1"),
               command("ct:1:0:long:", offer, "sleep 1000"));
        for (int ended = 0, begun = 0; ended < 2 || begun < 1;) {
            TaskStatus status = recorder.statuses.poll(Recorder.PATIENCE_S, TimeUnit.SECONDS);
            check(status != null, "not all jobs have run");
            if (status.getState() == TaskState.TASK_FINISHED || status.getState() == TaskState.TASK_FAILED) {
                same(status.getState() == TaskState.TASK_FINISHED ? "ct:1:0:done:" : "ct:1:0:bad:",
                     status.getTaskId().getValue());
                ended++;
            } else if (status.getState() == TaskState.TASK_RUNNING && status.getTaskId().equals(id("ct:1:0:long:"))) {
                begun++;
            }
        }
        reconcile(believed("ct:1:0:long:", offer));
        reconciled("ct:1:0:long:", TaskState.TASK_RUNNING);
        same(Status.DRIVER_STOPPED, driver.stop(true));
        state = chronosState();
        String kept = new String(state.fetch("frameworkid").get().value());
        register(framework.clone().setId(FrameworkID.newBuilder().setValue(kept)));
        int jobs = 0;
        for (Iterator<String> names = state.names().get(); names.hasNext();)
            jobs += names.next().startsWith("J_") ? 1 : 0;
        same(2, jobs);
        check(state.expunge(state.fetch("J_done").get()).get(), "a job can not be removed");
        running(driver.reviveOffers());
        running(driver.killTask(id("ct:1:0:long:")));
        updates("ct:1:0:long:", TaskState.TASK_KILLED);
        stop();
    }

    /** The older of its two drivers, and its Thermos executor, which ends with its task. */
    void aurora_acknowledges_and_aborts() throws Exception {
        FrameworkInfo.Builder framework = FrameworkInfo.newBuilder().setName("aurora").setFailoverTimeout(1814400)
                .setCheckpoint(true).setRole("aurora").setPrincipal("aurora");
        FrameworkInfo.Capability.Type[] capabilities = {FrameworkInfo.Capability.Type.REVOCABLE_RESOURCES,
                                                        FrameworkInfo.Capability.Type.PARTITION_AWARE};
        ExecutorInfo.Builder thermos = played("thermos-1", "launch STARTING RUNNING\nkill KILLED stop");
        isExplicit = true;
        register(framework, capabilities);
        running(driver.declineOffer(recorder.offer(1).getId(), NO_FILTER));
        Offer offer = recorder.offer(1);
        accept(offer, operation(Offer.Operation.Type.LAUNCH).setLaunch(
                Offer.Operation.Launch.newBuilder().addTaskInfos(task("1", offer, thermos))));
        updates("1", TaskState.TASK_STARTING, TaskState.TASK_RUNNING);
        reconcile(believed("1", null), believed("0", null));
        reconciled("1", TaskState.TASK_RUNNING);
        reconcile(believed("0", null));
        reconciled("0", TaskState.TASK_UNKNOWN);
        reconcile();
        reconciled("1", TaskState.TASK_RUNNING);
        same(Status.DRIVER_ABORTED, driver.abort());
        same(Status.DRIVER_ABORTED, driver.join());
        register(again(framework), capabilities);
        running(driver.killTask(id("1")));
        updates("1", TaskState.TASK_KILLED);
        same("executorLost thermos-1 0", recorder.expect("executorLost"));
        stop();
    }

    /** A task tracker for each offer; one that is killed says that it has finished. */
    void hadoop_starts_and_kills_trackers() throws Exception {
        register(FrameworkInfo.newBuilder().setName("Hadoop: (RPC port: 9001, WebUI port: 50030)").setRole("*"));
        Offer offer = recorder.offer(1);
        launch(offer, task("Task_Tracker_0", offer, played("executor_Task_Tracker_0", "launch RUNNING\nkill FINISHED stop")));
        updates("Task_Tracker_0", TaskState.TASK_RUNNING);
        running(driver.declineOffer(recorder.offer(1).getId()));
        running(driver.killTask(id("Task_Tracker_0")));
        updates("Task_Tracker_0", TaskState.TASK_FINISHED);
        same("executorLost executor_Task_Tracker_0 0", recorder.expect("executorLost"));
        stop();
    }

    /** Offers are hoarded until topologies need them; workers join an executor that runs, which does not heed kills. */
    void storm_hoards_offers_and_shares_supervisors() throws Exception {
        register(FrameworkInfo.newBuilder().setName("Storm").setFailoverTimeout(86400).setCheckpoint(true));
        reconcile(believed("logviewer", null));
        reconciled("logviewer", TaskState.TASK_LOST);
        running(driver.suppressOffers());
        running(driver.declineOffer(recorder.offer(1).getId(), Filters.newBuilder().setRefuseSeconds(10).build()));
        running(driver.reviveOffers());
        ExecutorInfo.Builder supervisor = played("topology-1", "launch RUNNING\nmessage FINISHED");
        Offer offer = recorder.offer(1);
        launch(offer, task("worker-31000", offer, supervisor), task("worker-31001", offer, supervisor));
        updates("worker-31000", TaskState.TASK_RUNNING);
        offer = recorder.offer(1);
        launch(offer, task("worker-31002", offer, supervisor));
        updates("worker-31002", TaskState.TASK_RUNNING);
        running(driver.killTask(id("worker-31002")));
        /* The supervisor sees in ZooKeeper that a worker is not assigned any more; here it is told. */
        running(driver.sendFrameworkMessage(supervisor.getExecutorId(), offer.getSlaveId(), new byte[1]));
        updates("worker-31002", TaskState.TASK_FINISHED);
        stop();
    }

    /** A broker tells of its endpoint in an update and of its metrics in messages, and is asked for its logs. */
    void kafka_talks_with_its_brokers() throws Exception {
        FrameworkInfo.Builder framework =
                FrameworkInfo.newBuilder().setName("kafka").setFailoverTimeout(2592000).setCheckpoint(true).setRole("*");
        register(framework);
        reconcile();
        running(driver.suppressOffers());
        running(driver.reviveOffers());
        ExecutorInfo.Builder broker = played("kafka-0", "launch >metrics STARTING RUNNING:broker:9092\n"
                + "message >log\nkill KILLING KILLED stop");
        Offer offer = recorder.offer(1);
        launch(offer, task("kafka-0-1", offer, broker));
        same("metrics", new String(recorder.message()));
        same("broker:9092", updates("kafka-0-1", TaskState.TASK_STARTING, TaskState.TASK_RUNNING).getData().toStringUtf8());
        running(driver.sendFrameworkMessage(broker.getExecutorId(), offer.getSlaveId(), "log,1,100,server.log".getBytes()));
        same("log", new String(recorder.message()));
        reconcile(believed("kafka-0-1", offer));
        reconciled("kafka-0-1", TaskState.TASK_RUNNING);
        running(driver.killTask(id("kafka-0-1")));
        updates("kafka-0-1", TaskState.TASK_KILLING, TaskState.TASK_KILLED);
        same("executorLost kafka-0 0", recorder.expect("executorLost"));
        same(Status.DRIVER_STOPPED, driver.stop(true));
        register(again(framework));
        stop();
    }

    /** A node's executor first tells of itself, then runs the server as a second task; it notices by an update that it died. */
    void cassandra_runs_two_tasks_in_an_executor() throws Exception {
        FrameworkInfo.Builder framework = FrameworkInfo.newBuilder().setName("cassandra").setFailoverTimeout(604800)
                .setCheckpoint(true).setRole("*");
        ExecutorInfo.Builder node = played("node.0.executor", "launch STARTING RUNNING:details\nmessage >repair die");
        register(framework);
        Offer offer = recorder.offer(1);
        launch(offer, task("node.0.executor", offer, node));
        same("details", updates("node.0.executor", TaskState.TASK_STARTING, TaskState.TASK_RUNNING).getData().toStringUtf8());
        offer = recorder.offer(1);
        launch(offer, task("node.0.executor.server", offer, node));
        updates("node.0.executor.server", TaskState.TASK_STARTING, TaskState.TASK_RUNNING);
        same(Status.DRIVER_STOPPED, driver.stop(true));
        register(again(framework));
        reconcile();
        reconciled("node.0.executor.server", TaskState.TASK_RUNNING);
        running(driver.sendFrameworkMessage(node.getExecutorId(), offer.getSlaveId(), "repair".getBytes()));
        same("repair", new String(recorder.message()));
        for (int i = 0; i < 2; i++) {
            TaskStatus status = recorder.statuses.poll(Recorder.PATIENCE_S, TimeUnit.SECONDS);
            while (status != null && status.getReason() == TaskStatus.Reason.REASON_RECONCILIATION)
                status = recorder.statuses.poll(Recorder.PATIENCE_S, TimeUnit.SECONDS);
            check(status != null, "a task of a dead executor has no update");
            same(TaskState.TASK_FAILED, status.getState());
            same(TaskStatus.Source.SOURCE_SLAVE, status.getSource());
            same(TaskStatus.Reason.REASON_EXECUTOR_TERMINATED, status.getReason());
        }
        stop();
    }

    /** A node an offer; reads the executor's id off each update; kills its nodes one by one at the end. */
    void elasticsearch_requests_and_reaps() throws Exception {
        register(FrameworkInfo.newBuilder().setName("elasticsearch").setFailoverTimeout(2592000).setCheckpoint(true));
        running(driver.requestResources(Collections.singletonList(Request.newBuilder().addResources(scalar("cpus", 1))
                .addResources(scalar("mem", 256)).addResources(scalar("disk", 64)).build())));
        ExecutorInfo.Builder node = played("elasticsearch-1", "launch STARTING RUNNING\nkill KILLED stop");
        Offer offer = recorder.offer(1);
        launch(offer, task("elasticsearch-1", offer, node));
        same(node.getExecutorId(), updates("elasticsearch-1", TaskState.TASK_STARTING, TaskState.TASK_RUNNING).getExecutorId());
        running(driver.declineOffer(recorder.offer(1).getId()));
        running(driver.killTask(id("elasticsearch-1")));
        same(node.getExecutorId(), updates("elasticsearch-1", TaskState.TASK_KILLED).getExecutorId());
        /* It is killed once more when the executor is lost; a kill that comes too late is answered, too. */
        same("executorLost elasticsearch-1 0", recorder.expect("executorLost"));
        running(driver.killTask(id("elasticsearch-1")));
        reconciled("elasticsearch-1", TaskState.TASK_KILLED);
        stop();
    }

    public static void main(String[] args) throws Throwable {
        try {
            FrameworkTests.class.getDeclaredMethod(args[0]).invoke(new FrameworkTests(args[1]));
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
        System.out.println("passed");
        System.exit(0);
    }
}
