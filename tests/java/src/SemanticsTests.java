// SPDX-License-Identifier: Apache-2.0
import com.google.protobuf.UnknownFieldSet;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.apache.mesos.MesosSchedulerDriver;
import org.apache.mesos.Protos.*;
import org.apache.mesos.SchedulerDriver;

/**
 * java SemanticsTests <test> <master>: what calls and callbacks promise, beyond what DriverTests shows; the letters and
 * numbers in the names are those that src/driver's tests use.
 */
public class SemanticsTests extends DriverTests {
    static final Filters NO_FILTER = Filters.newBuilder().setRefuseSeconds(0).build();
    static final Filters LONG_FILTER = Filters.newBuilder().setRefuseSeconds(100000).build();

    SemanticsTests(String master) {
        super(master);
    }

    static TaskID id(String task) {
        return TaskID.newBuilder().setValue(task).build();
    }

    static double cpus(Offer offer) {
        return offer.getResourcesList().stream().filter(r -> r.getName().equals("cpus"))
                .mapToDouble(r -> r.getScalar().getValue()).sum();
    }

    /** Ask the executor of a task for something; see TestExecutor. */
    String ask(Offer offer, String question) throws InterruptedException {
        send(offer, question.getBytes());
        return new String(recorder.message());
    }

    ProcessHandle process(Offer offer) throws InterruptedException {
        return ProcessHandle.of(Long.parseLong(ask(offer, "pid"))).get();
    }

    static void expectEnd(ProcessHandle process) throws Exception {
        process.onExit().get(Recorder.PATIENCE_S, TimeUnit.SECONDS);
    }

    Offer running(String data) throws Exception {
        Offer offer = recorder.offer(1);
        launch(offer, custom("t", offer, data));
        recorder.status("t", TaskState.TASK_RUNNING);
        return offer;
    }

    // The tests

    void m1_a_slow_callback_delays_its_own_driver_only() throws Exception {
        CountDownLatch blocked = new CountDownLatch(1), release = new CountDownLatch(1);
        Recorder slow = new Recorder() {
            public void registered(SchedulerDriver driver, FrameworkID frameworkId, MasterInfo masterInfo) {
                super.registered(driver, frameworkId, masterInfo);
                blocked.countDown();
                try {
                    release.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
        };
        MesosSchedulerDriver other = new MesosSchedulerDriver(slow, FRAMEWORK, master);
        other.start();
        blocked.await();
        start(FRAMEWORK);
        stop();
        same(1, slow.lines.size());
        release.countDown();
        same(Status.DRIVER_STOPPED, other.stop());
    }

    /** From the task to the executor, and from the executor's update to the scheduler. */
    void m2_unknown_fields_survive() throws Exception {
        UnknownFieldSet unknown = UnknownFieldSet.newBuilder()
                .addField(5000, UnknownFieldSet.Field.newBuilder().addVarint(17).build()).build();
        start(FRAMEWORK);
        Offer offer = recorder.offer(1);
        launch(offer, custom("t", offer, "unknown").toBuilder().setUnknownFields(unknown).build());
        TaskStatus status = recorder.status("t", TaskState.TASK_RUNNING);
        same(unknown, status.getUnknownFields());
        stop();
    }

    void s3_what_is_offered_is_nobody_elses() throws Exception {
        start(FRAMEWORK);
        Offer offer = recorder.offer(4);
        DriverTests other = new DriverTests(master);
        other.start(FRAMEWORK);
        check(other.recorder.offers.isEmpty(), other.recorder.offers);
        check(recorder.offers.isEmpty(), recorder.offers);
        same(Status.DRIVER_RUNNING, driver.declineOffer(offer.getId(), LONG_FILTER));
        other.recorder.offer(4);
        other.stop();
        stop();
    }

    void s4_s5_who_comes_too_late_loses_every_task() throws Exception {
        start(FRAMEWORK);
        Offer offer = recorder.offer(1);
        launch(offer, command("first", offer, "true"));
        launch(offer, command("late-1", offer, "true"), command("late-2", offer, "true"));
        for (String late : Arrays.asList("late-1", "late-2")) {
            TaskStatus status = recorder.statuses.poll(Recorder.PATIENCE_S, TimeUnit.SECONDS);
            while (status.getTaskId().getValue().equals("first"))
                status = recorder.statuses.poll(Recorder.PATIENCE_S, TimeUnit.SECONDS);
            same(late, status.getTaskId().getValue());
            same(TaskState.TASK_LOST, status.getState());
            same(TaskStatus.Reason.REASON_INVALID_OFFERS, status.getReason());
            check(status.getMessage().contains(offer.getId().getValue()), status);
        }
        stop();
    }

    void s6_updates_come_in_order_and_again_after_an_abort_in_the_callback() throws Exception {
        List<TaskState> states = Collections.synchronizedList(new ArrayList<>());
        Recorder aborts = new Recorder() {
            public void statusUpdate(SchedulerDriver driver, TaskStatus status) {
                states.add(status.getState());
                if (status.getState() == TaskState.TASK_RUNNING)
                    driver.abort();
                super.statusUpdate(driver, status);
            }
        };
        driver = new MesosSchedulerDriver(aborts, FRAMEWORK, master);
        driver.start();
        Offer offer = aborts.offer(1);
        launch(offer, command("t", offer, "true"));
        same(Status.DRIVER_ABORTED, driver.join());
        same(Arrays.asList(TaskState.TASK_STARTING, TaskState.TASK_RUNNING), states);
        start(FRAMEWORK.toBuilder().setId(aborts.id).build());
        for (TaskState state : new TaskState[] {TaskState.TASK_RUNNING, TaskState.TASK_FINISHED})
            same(state, recorder.statuses.poll(Recorder.PATIENCE_S, TimeUnit.SECONDS).getState());
        stop();
    }

    void s12_nothing_comes_after_the_stop() throws Exception {
        start(FRAMEWORK);
        for (int i = 0; i < 20; i++)
            driver.reconcileTasks(Collections.singleton(
                    TaskStatus.newBuilder().setTaskId(id("none")).setState(TaskState.TASK_RUNNING).build()));
        stop();
        int before = recorder.lines.size();
        DriverTests other = new DriverTests(master);
        other.start(FRAMEWORK);
        other.recorder.offer(1);
        other.stop();
        same(before, recorder.lines.size());
    }

    void d2_a_file_names_the_master() throws Exception {
        Path file = Files.createTempFile("master", "");
        Files.write(file, (master + "\n").getBytes());
        driver = new MesosSchedulerDriver(recorder, FRAMEWORK, "file://" + file);
        same(Status.DRIVER_RUNNING, driver.start());
        recorder.expect("registered");
        stop();
    }

    void d2_local_is_a_cluster_of_its_own() throws Exception {
        SemanticsTests other = new SemanticsTests("local");
        other.start(FRAMEWORK);
        driver = new MesosSchedulerDriver(recorder, FRAMEWORK, "local");
        same(Status.DRIVER_RUNNING, driver.start());
        Offer offer = recorder.offer(0.1);
        launch(offer, command("t", offer, "true"));
        recorder.status("t", TaskState.TASK_FINISHED);
        check(!recorder.master.getId().equals(other.recorder.master.getId()), "the same cluster");
        stop();
        other.recorder.offer(0.1);
        other.stop();
    }

    void d3_e7_stop_shuts_the_executors_down() throws Exception {
        start(FRAMEWORK);
        ProcessHandle executor = process(running(""));
        stop();
        expectEnd(executor);
    }

    /** The agent waits for a grace period and kills it. */
    void e7_an_executor_that_does_not_heed_its_shutdown_is_killed() throws Exception {
        start(FRAMEWORK);
        Offer offer = running("");
        ProcessHandle executor = process(offer);
        same("stubborn", ask(offer, "stubborn"));
        stop();
        expectEnd(executor);
    }

    void d4_the_failover_timeout_ends_the_framework() throws Exception {
        start(FRAMEWORK.toBuilder().setFailoverTimeout(0.5).build());
        ProcessHandle executor = process(running(""));
        same(Status.DRIVER_STOPPED, driver.stop(true));
        expectEnd(executor);
        driver = new MesosSchedulerDriver(recorder, FRAMEWORK.toBuilder().setId(recorder.id).build(), master);
        same(Status.DRIVER_ABORTED, driver.run());
        recorder.expect("error");
    }

    void d6_join_blocks_and_run_is_start_and_join() throws Exception {
        driver = new MesosSchedulerDriver(recorder, FRAMEWORK, master);
        FutureTask<Status> run = new FutureTask<>(() -> driver.run()), join = new FutureTask<>(() -> driver.join());
        new Thread(run).start();
        recorder.expect("registered");
        new Thread(join).start();
        check(!run.isDone(), run);
        same(Status.DRIVER_STOPPED, driver.stop());
        same(Status.DRIVER_STOPPED, run.get(Recorder.PATIENCE_S, TimeUnit.SECONDS));
        same(Status.DRIVER_STOPPED, join.get(Recorder.PATIENCE_S, TimeUnit.SECONDS));
    }

    void d8_an_invalid_task_does_not_hurt_the_others() throws Exception {
        start(FRAMEWORK);
        Offer offer = recorder.offer(1);
        launch(offer, command("good", offer, "true"),
               task("greedy", offer, 1000).setCommand(CommandInfo.newBuilder().setValue("true")).build(),
               task("both", offer, 0.1).setCommand(CommandInfo.newBuilder().setValue("true")).setExecutor(executor()).build(),
               command("good", offer, "true"));
        int errors = 0;
        boolean isFinished = false;
        while (errors < 3 || !isFinished) {
            TaskStatus status = recorder.statuses.poll(Recorder.PATIENCE_S, TimeUnit.SECONDS);
            check(status != null, "not all tasks are told of");
            if (status.getState() == TaskState.TASK_ERROR) {
                check(!status.getMessage().isEmpty(), status);
                errors++;
            } else {
                same("good", status.getTaskId().getValue());
                isFinished |= status.getState() == TaskState.TASK_FINISHED;
            }
        }
        stop();
    }

    void d8_offers_are_added_up_and_the_rest_is_declined() throws Exception {
        start(FRAMEWORK);
        Offer all = recorder.offer(4);
        driver.launchTasks(Collections.singleton(all.getId()), Collections.singleton(
                task("small", all, 1).setCommand(CommandInfo.newBuilder().setValue("sleep 1000")).build()), NO_FILTER);
        Offer rest = recorder.offer(2);
        check(cpus(rest) < 3.5, rest);
        driver.killTask(id("small"));
        recorder.status("small", TaskState.TASK_KILLED);
        Offer back = recorder.offer(1);
        driver.launchTasks(Arrays.asList(rest.getId(), back.getId()), Collections.singleton(
                task("large", rest, 3.5).setCommand(CommandInfo.newBuilder().setValue("true")).build()), NO_FILTER);
        recorder.status("large", TaskState.TASK_FINISHED);
        Offer again = recorder.offer(0.4);
        driver.launchTasks(Collections.singleton(again.getId()), Collections.emptyList(), NO_FILTER);
        recorder.offer(0.4);
        stop();
    }

    void d10_kills_of_unknown_and_of_new_tasks() throws Exception {
        start(FRAMEWORK);
        driver.killTask(id("unknown"));
        same(TaskStatus.Reason.REASON_RECONCILIATION, recorder.status("unknown", TaskState.TASK_LOST).getReason());
        Offer offer = recorder.offer(1);
        launch(offer, custom("t", offer, ""));
        driver.killTask(id("t"));
        recorder.status("t", TaskState.TASK_KILLED);
        stop();
    }

    /** Its first task occupies the executor; the message comes while the second is in launchTask(). */
    void e4_callbacks_of_an_executor_come_one_at_a_time() throws Exception {
        start(FRAMEWORK);
        Offer offer = running("");
        Offer more = recorder.offer(0.1);
        launch(more, custom("slow", more, "slow"));
        for (int i = 0; i < 20; i++)
            same("not in launchTask", ask(offer, "where"));
        recorder.status("slow", TaskState.TASK_RUNNING);
        stop();
    }

    void e5_nobody_speaks_for_an_executor_that_ignores_a_kill() throws Exception {
        start(FRAMEWORK);
        Offer offer = running("unkillable");
        driver.killTask(id("t"));
        /* What it says after the kill has come shows that it is alive. */
        while (!ask(offer, "kills").equals("1"))
            continue;
        driver.reconcileTasks(Collections.emptyList());
        same(TaskState.TASK_RUNNING, recorder.statuses.poll(Recorder.PATIENCE_S, TimeUnit.SECONDS).getState());
        stop();
    }

    void e8_x2_an_update_of_staging_aborts_the_executor() throws Exception {
        start(FRAMEWORK);
        Offer offer = running("");
        send(offer, "staging".getBytes());
        /* Its exit status says that join() has returned that it was aborted. */
        same("executorLost E 256", recorder.expect("executorLost"));
        stop();
    }

    /** The executor ends by itself; what it had not told of its task the agent tells. */
    void e9_the_agent_ends_the_tasks_of_an_executor_that_is_gone() throws Exception {
        start(FRAMEWORK);
        Offer offer = running("");
        send(offer, "stop".getBytes());
        TaskStatus status = recorder.statuses.poll(Recorder.PATIENCE_S, TimeUnit.SECONDS);
        same(TaskState.TASK_FAILED, status.getState());
        same(TaskStatus.Source.SOURCE_SLAVE, status.getSource());
        same(TaskStatus.Reason.REASON_EXECUTOR_TERMINATED, status.getReason());
        same("executorLost E 0", recorder.expect("executorLost"));
        stop();
    }

    /** The agent is ended in an orderly way by whoever reads "ready". */
    void s5_s9_a_lost_agent() throws Exception {
        start(FRAMEWORK);
        Offer offer = running("");
        Offer rest = recorder.offer(0.1);
        System.out.println("ready");
        recorder.status("t", TaskState.TASK_LOST);
        same("rescinded " + rest.getId().getValue(), recorder.expect("rescinded"));
        same("slaveLost " + offer.getSlaveId().getValue(), recorder.expect("slaveLost"));
        stop();
    }

    /** The agent is killed by whoever reads the executor's process id, and does not come back. */
    void x4_an_executor_without_its_agent_ends() throws Exception {
        start(FRAMEWORK.toBuilder().setCheckpoint(Boolean.getBoolean("checkpoint")).build());
        ProcessHandle executor = process(running(""));
        System.out.println("ready");
        expectEnd(executor);
        stop();
    }

    public static void main(String[] args) throws Throwable {
        try {
            SemanticsTests.class.getDeclaredMethod(args[0]).invoke(new SemanticsTests(args[1]));
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
        System.out.println("passed");
        System.exit(0);
    }
}
