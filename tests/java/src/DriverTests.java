// SPDX-License-Identifier: Apache-2.0
import com.google.protobuf.ByteString;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.mesos.MesosNativeLibrary;
import org.apache.mesos.MesosSchedulerDriver;
import org.apache.mesos.Protos.*;

/** java DriverTests <test> <master>: one test of the drivers a JVM; exits with 0 if what it expects came true. */
public class DriverTests {
    static final FrameworkInfo FRAMEWORK =
            FrameworkInfo.newBuilder().setUser("").setName("java").setFailoverTimeout(600).setCheckpoint(true).build();

    final String master;
    final Recorder recorder = new Recorder();
    MesosSchedulerDriver driver;

    DriverTests(String master) {
        this.master = master;
    }

    static void check(boolean condition, Object what) {
        if (!condition)
            throw new AssertionError(String.valueOf(what));
    }

    static void same(Object expected, Object actual) {
        check(expected.equals(actual), "expected " + expected + ", not " + actual);
    }

    void start(FrameworkInfo framework) throws Exception {
        driver = new MesosSchedulerDriver(recorder, framework, master);
        same(Status.DRIVER_RUNNING, driver.start());
        recorder.expect(framework.hasId() ? "reregistered" : "registered");
    }

    void stop() {
        same(Status.DRIVER_STOPPED, driver.stop());
        same(Status.DRIVER_STOPPED, driver.join());
    }

    static Resource scalar(String name, double value) {
        return Resource.newBuilder().setName(name).setType(Value.Type.SCALAR)
                .setScalar(Value.Scalar.newBuilder().setValue(value)).build();
    }

    static TaskInfo.Builder task(String id, Offer offer, double cpus) {
        return TaskInfo.newBuilder().setName(id).setTaskId(TaskID.newBuilder().setValue(id))
                .setSlaveId(offer.getSlaveId()).addResources(scalar("cpus", cpus)).addResources(scalar("mem", 1));
    }

    static TaskInfo command(String id, Offer offer, String command) {
        return task(id, offer, 0.1).setCommand(CommandInfo.newBuilder().setValue(command)).build();
    }

    static ExecutorInfo executor() {
        return ExecutorInfo.newBuilder().setExecutorId(ExecutorID.newBuilder().setValue("E")).setName("java")
                .setCommand(CommandInfo.newBuilder().setValue(System.getProperty("executor.command")))
                .addResources(scalar("cpus", 0.1)).addResources(scalar("mem", 64))
                .setData(ByteString.copyFrom(new byte[] {1, 0, (byte) 255})).build();
    }

    static TaskInfo custom(String id, Offer offer, String data) {
        return task(id, offer, 0.001).setExecutor(executor()).setData(ByteString.copyFromUtf8(data)).build();
    }

    void launch(Offer offer, TaskInfo... tasks) {
        same(Status.DRIVER_RUNNING, driver.launchTasks(Collections.singleton(offer.getId()), Arrays.asList(tasks)));
    }

    void send(Offer offer, byte[] data) {
        same(Status.DRIVER_RUNNING,
             driver.sendFrameworkMessage(executor().getExecutorId(), offer.getSlaveId(), data));
    }

    // The tests

    void the_native_library_says_its_version() throws Exception {
        MesosNativeLibrary.load();
        same(0, MesosNativeLibrary.version().compareTo(new MesosNativeLibrary.Version(1, 11, 0)));
    }

    void however_it_was_loaded_the_library_is_known() throws Exception {
        System.load(System.getenv("MESOS_NATIVE_JAVA_LIBRARY"));
        same(0, MesosNativeLibrary.version().compareTo(new MesosNativeLibrary.Version(1, 11, 0)));
        MesosNativeLibrary.load("/nowhere/libmesos.so");
    }

    void s1_registered_has_the_masters_info() throws Exception {
        start(FRAMEWORK);
        check(!recorder.id.getValue().isEmpty(), recorder.id);
        same(Integer.parseInt(master.split(":")[1]), recorder.master.getPort());
        check(!recorder.master.getId().isEmpty(), recorder.master);
        check(recorder.thread.isDaemon(), "callbacks come on a daemon thread");
        stop();
    }

    void d1_calls_return_the_status() throws Exception {
        driver = new MesosSchedulerDriver(recorder, FRAMEWORK, master);
        same(Status.DRIVER_NOT_STARTED, driver.reviveOffers());
        same(Status.DRIVER_NOT_STARTED, driver.join());
        same(Status.DRIVER_NOT_STARTED, driver.stop());
        same(Status.DRIVER_RUNNING, driver.start());
        same(Status.DRIVER_RUNNING, driver.start());
        recorder.expect("registered");
        stop();
        same(Status.DRIVER_STOPPED, driver.suppressOffers());
        same(Status.DRIVER_STOPPED, driver.abort());
        same(Status.DRIVER_STOPPED, driver.run());
    }

    void d2_a_bad_master_is_an_exception() {
        try {
            new MesosSchedulerDriver(recorder, FRAMEWORK, "");
            throw new AssertionError("no exception");
        } catch (IllegalArgumentException expected) {
            check(!expected.getMessage().isEmpty(), expected);
        }
    }

    void d5_abort_is_told_from_stop() throws Exception {
        start(FRAMEWORK);
        same(Status.DRIVER_ABORTED, driver.abort());
        same(Status.DRIVER_ABORTED, driver.join());
        start(FRAMEWORK);
        stop();
    }

    void d8_a_command_runs_and_finishes() throws Exception {
        start(FRAMEWORK);
        Offer offer = recorder.offer(1);
        same(Status.DRIVER_RUNNING, driver.launchTasks(offer.getId(), Collections.singleton(command("t", offer, "true")),
                                                       Filters.newBuilder().setRefuseSeconds(1).build()));
        recorder.status("t", TaskState.TASK_RUNNING);
        recorder.status("t", TaskState.TASK_FINISHED);
        stop();
    }

    void d9_accepted_operations_launch() throws Exception {
        start(FRAMEWORK);
        Offer offer = recorder.offer(1);
        driver.acceptOffers(Collections.singleton(offer.getId()), Collections.singleton(Offer.Operation.newBuilder()
                .setType(Offer.Operation.Type.LAUNCH)
                .setLaunch(Offer.Operation.Launch.newBuilder().addTaskInfos(command("t", offer, "true"))).build()),
                Filters.getDefaultInstance());
        recorder.status("t", TaskState.TASK_FINISHED);
        stop();
    }

    void d10_a_killed_task_is_killed() throws Exception {
        start(FRAMEWORK);
        Offer offer = recorder.offer(1);
        launch(offer, command("t", offer, "sleep 1000"));
        recorder.status("t", TaskState.TASK_RUNNING);
        driver.killTask(TaskID.newBuilder().setValue("t").build());
        recorder.status("t", TaskState.TASK_KILLED);
        stop();
    }

    void d7_d11_d12_declined_offers_come_back_when_revived() throws Exception {
        start(FRAMEWORK);
        driver.declineOffer(recorder.offer(1).getId(), Filters.newBuilder().setRefuseSeconds(100000).build());
        driver.reviveOffers();
        driver.declineOffer(recorder.offer(1).getId());
        driver.suppressOffers(Collections.singleton("*"));
        driver.suppressOffers();
        driver.reviveOffers(Collections.singleton("*"));
        recorder.offer(1);
        driver.requestResources(Collections.singleton(Request.newBuilder().addResources(scalar("cpus", 1)).build()));
        stop();
    }

    void d14_reconciliation_tells_the_latest_states() throws Exception {
        start(FRAMEWORK);
        Offer offer = recorder.offer(1);
        launch(offer, command("t", offer, "sleep 1000"));
        recorder.status("t", TaskState.TASK_RUNNING);
        driver.reconcileTasks(Collections.singleton(TaskStatus.newBuilder()
                .setTaskId(TaskID.newBuilder().setValue("unknown")).setState(TaskState.TASK_RUNNING).build()));
        check(!recorder.status("unknown", TaskState.TASK_LOST).hasUuid(), "reconciliation needs no acknowledgement");
        driver.reconcileTasks(Collections.emptyList());
        same(TaskStatus.Reason.REASON_RECONCILIATION, recorder.status("t", TaskState.TASK_RUNNING).getReason());
        stop();
    }

    void s6_explicit_acknowledgements() throws Exception {
        driver = new MesosSchedulerDriver(recorder, FRAMEWORK, master, false);
        driver.start();
        Offer offer = recorder.offer(1);
        launch(offer, command("t", offer, "true"));
        for (TaskState state : new TaskState[] {TaskState.TASK_STARTING, TaskState.TASK_RUNNING,
                                                TaskState.TASK_FINISHED})
            driver.acknowledgeStatusUpdate(recorder.status("t", state));
        stop();
    }

    void s6_acknowledging_an_implicit_driver_is_an_exception() throws Exception {
        start(FRAMEWORK);
        try {
            driver.acknowledgeStatusUpdate(TaskStatus.newBuilder().setTaskId(TaskID.newBuilder().setValue("t"))
                                                   .setState(TaskState.TASK_RUNNING).build());
            throw new AssertionError("no exception");
        } catch (IllegalStateException expected) {
            stop();
        }
    }

    void s11_a_removed_framework_is_an_error() throws Exception {
        start(FRAMEWORK);
        stop();
        FrameworkInfo removed = FRAMEWORK.toBuilder().setId(recorder.id).build();
        driver = new MesosSchedulerDriver(recorder, removed, master);
        same(Status.DRIVER_ABORTED, driver.run());
        recorder.expect("error");
    }

    void updated_frameworks_keep_their_id() throws Exception {
        start(FRAMEWORK);
        FrameworkInfo changed = FRAMEWORK.toBuilder().setId(recorder.id).setName("renamed").build();
        same(Status.DRIVER_RUNNING, driver.updateFramework(changed, Collections.emptyList()));
        same(Status.DRIVER_RUNNING, driver.updateFramework(changed, Collections.emptyList(),
                org.apache.mesos.scheduler.Protos.OfferConstraints.getDefaultInstance()));
        System.out.println("renamed " + recorder.id.getValue());
        System.in.read();
        stop();
    }

    void s7_d13_e1_e6_x3_an_executor_in_java_talks_both_ways() throws Exception {
        start(FRAMEWORK);
        Offer offer = recorder.offer(1);
        launch(offer, custom("t", offer, ""));
        recorder.status("t", TaskState.TASK_RUNNING);
        send(offer, "data".getBytes());
        check(Arrays.equals(new byte[] {1, 0, (byte) 255}, recorder.message()), "E1: the executor's data");
        byte[] mebibyte = new byte[1 << 20];
        new java.util.Random(1).nextBytes(mebibyte);
        send(offer, mebibyte);
        check(Arrays.equals(mebibyte, recorder.message()), "a message of 1 MiB comes back unchanged");
        driver.killTask(TaskID.newBuilder().setValue("t").build());
        recorder.status("t", TaskState.TASK_KILLED);
        stop();
    }

    void s10_an_executor_killed_with_9_is_lost_with_its_task() throws Exception {
        start(FRAMEWORK);
        Offer offer = recorder.offer(1);
        launch(offer, custom("t", offer, ""));
        recorder.status("t", TaskState.TASK_RUNNING);
        send(offer, "pid".getBytes());
        ProcessHandle.of(Long.parseLong(new String(recorder.message()))).get().destroyForcibly();
        same("executorLost E 9", recorder.expect("executorLost"));
        stop();
    }

    void a_thousand_tasks_finish() throws Exception {
        Set<String> open = new HashSet<>();
        start(FRAMEWORK);
        Offer offer = recorder.offer(3);
        List<TaskInfo> tasks = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            TaskInfo task = task("t" + i, offer, 0.001).setExecutor(executor())
                    .setData(ByteString.copyFromUtf8("finish")).clearResources()
                    .addResources(scalar("cpus", 0.001)).addResources(scalar("mem", 0.5)).build();
            tasks.add(task);
            open.add(task.getTaskId().getValue());
        }
        launch(offer, tasks.toArray(new TaskInfo[0]));
        while (!open.isEmpty()) {
            TaskStatus status = recorder.statuses.poll(Recorder.PATIENCE_S, TimeUnit.SECONDS);
            check(status != null, open.size() + " tasks have not finished");
            if (status.getState() == TaskState.TASK_FINISHED)
                open.remove(status.getTaskId().getValue());
            else
                same(TaskState.TASK_RUNNING, status.getState());
        }
        stop();
    }

    void an_exception_in_a_callback_aborts() throws Exception {
        recorder.toThrow = new IllegalStateException("thrown by the test");
        driver = new MesosSchedulerDriver(recorder, FRAMEWORK, master);
        same(Status.DRIVER_ABORTED, driver.run());
        recorder.toThrow = null;
        start(FRAMEWORK);
        stop();
    }

    void many_drivers_in_one_jvm_do_not_wait_for_each_other() throws Exception {
        List<DriverTests> others = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            DriverTests other = new DriverTests(master);
            others.add(other);
            other.start(FRAMEWORK);
        }
        Set<String> ids = new HashSet<>();
        for (DriverTests other : others) {
            ids.add(other.recorder.id.getValue());
            other.stop();
        }
        same(10, ids.size());
    }

    void finalisers_are_safe() throws Exception {
        for (int i = 0; i < 30; i++) {
            MesosSchedulerDriver garbage = new MesosSchedulerDriver(new Recorder(), FRAMEWORK, master);
            if (i % 3 != 0)
                garbage.start();
            if (i % 3 == 2)
                garbage.stop();
        }
        for (int i = 0; i < 5; i++) {
            System.gc();
            System.runFinalization();
        }
        start(FRAMEWORK);
        stop();
    }

    /** First half of a failover: leaves a task and its framework's id behind. */
    void d4_failover_first() throws Exception {
        start(FRAMEWORK);
        Offer offer = recorder.offer(1);
        launch(offer, custom("t", offer, ""));
        recorder.status("t", TaskState.TASK_RUNNING);
        same(Status.DRIVER_STOPPED, driver.stop(true));
        same(Status.DRIVER_STOPPED, driver.join());
        System.out.println("framework " + recorder.id.getValue());
    }

    /** Second half, in another process. */
    void d4_failover_second() throws Exception {
        start(FRAMEWORK.toBuilder().setId(FrameworkID.newBuilder().setValue(System.getProperty("framework"))).build());
        driver.reconcileTasks(Collections.emptyList());
        recorder.status("t", TaskState.TASK_RUNNING);
        driver.killTask(TaskID.newBuilder().setValue("t").build());
        recorder.status("t", TaskState.TASK_KILLED);
        stop();
    }

    /** The master is restarted by whoever reads "ready". */
    void s2_s8_a_restarted_master() throws Exception {
        start(FRAMEWORK);
        Offer offer = recorder.offer(1);
        launch(offer, custom("t", offer, ""));
        recorder.status("t", TaskState.TASK_RUNNING);
        System.out.println("ready");
        recorder.expect("disconnected");
        recorder.expect("reregistered");
        driver.killTask(TaskID.newBuilder().setValue("none").build());
        send(recorder.offer(1), "echo".getBytes());
        same("echo", new String(recorder.message()));
        stop();
    }

    /** The agent is restarted by whoever reads "ready". */
    void e2_e3_x2_a_restarted_agent() throws Exception {
        start(FRAMEWORK);
        Offer offer = recorder.offer(1);
        launch(offer, custom("t", offer, ""));
        recorder.status("t", TaskState.TASK_RUNNING);
        System.out.println("ready");
        /* Messages are best effort: whether one gets through tells when the agent is there. */
        byte[] answer;
        do {
            send(offer, "again".getBytes());
            answer = recorder.messages.poll(200, TimeUnit.MILLISECONDS);
        } while (answer == null || new String(answer).equals("0"));
        same("1", new String(answer));
        /* X2: and so is what the executor sent meanwhile. */
        while (!recorder.status("t", TaskState.TASK_RUNNING).getMessage().equals("sent while the agent was away"))
            continue;
        driver.killTask(TaskID.newBuilder().setValue("t").build());
        recorder.status("t", TaskState.TASK_KILLED);
        stop();
    }

    public static void main(String[] args) throws Throwable {
        try {
            DriverTests.class.getDeclaredMethod(args[0]).invoke(new DriverTests(args[1]));
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
        System.out.println("passed");
        System.exit(0);
    }
}
