// SPDX-License-Identifier: Apache-2.0
import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.apache.mesos.Executor;
import org.apache.mesos.ExecutorDriver;
import org.apache.mesos.MesosExecutorDriver;
import org.apache.mesos.Protos.*;

/**
 * An executor whose tasks do what their data say: "finish" at once; "unknown" sends back the fields of the task that
 * nobody knows; "slow" stays in launchTask() for a while; "unkillable" runs on when it is killed; all others run until then.
 */
public class TestExecutor implements Executor {
    private final Set<TaskID> unkillable = new HashSet<>();
    private final Set<TaskID> tasks = new HashSet<>();
    private ByteString data;
    private int reregistrations, kills;
    private boolean isInLaunch, isStubborn;

    private static void send(ExecutorDriver driver, TaskID task, TaskState state) {
        driver.sendStatusUpdate(TaskStatus.newBuilder().setTaskId(task).setState(state).build());
    }

    public void registered(ExecutorDriver driver, ExecutorInfo executor, FrameworkInfo framework, SlaveInfo slave) {
        data = executor.getData();
        System.out.println("registered with " + framework.getName() + " on " + slave.getHostname());
    }

    public void reregistered(ExecutorDriver driver, SlaveInfo slave) {
        reregistrations++;
    }

    /** What is sent while the agent is away must arrive once it is back. */
    public void disconnected(ExecutorDriver driver) {
        System.out.println("disconnected");
        for (TaskID task : tasks)
            driver.sendStatusUpdate(TaskStatus.newBuilder().setTaskId(task).setState(TaskState.TASK_RUNNING)
                                            .setMessage("sent while the agent was away").build());
    }

    public void launchTask(ExecutorDriver driver, TaskInfo task) {
        String data = task.getData().toStringUtf8();

        isInLaunch = true;
        if (data.equals("slow"))
            LockSupport.parkNanos(1_000_000_000L);
        if (data.equals("unkillable"))
            unkillable.add(task.getTaskId());
        driver.sendStatusUpdate(
                TaskStatus.newBuilder().setTaskId(task.getTaskId()).setState(TaskState.TASK_RUNNING)
                        .setUnknownFields(data.equals("unknown") ? task.getUnknownFields()
                                                                 : UnknownFieldSet.getDefaultInstance()).build());
        if (data.equals("finish"))
            send(driver, task.getTaskId(), TaskState.TASK_FINISHED);
        else
            tasks.add(task.getTaskId());
        isInLaunch = false;
    }

    public void killTask(ExecutorDriver driver, TaskID task) {
        kills++;
        if (unkillable.contains(task))
            return;
        tasks.remove(task);
        send(driver, task, TaskState.TASK_KILLED);
    }

    /**
     * "data": the executor's data; "pid": the process; "again": how often it was reregistered; "kills": how many it has
     * been asked for; "where": whether a task is in launchTask(); "stubborn": not to heed shutdown() any more; "staging":
     * to send what nobody may; "stop": to stop the driver; anything else comes back as it is.
     */
    public void frameworkMessage(ExecutorDriver driver, byte[] message) {
        String text = message.length < 10 ? new String(message) : "";

        switch (text) {
        case "data":
            driver.sendFrameworkMessage(data.toByteArray());
            break;
        case "pid":
            answer(driver, ProcessHandle.current().pid());
            break;
        case "again":
            answer(driver, reregistrations);
            break;
        case "kills":
            answer(driver, kills);
            break;
        case "where":
            answer(driver, isInLaunch ? "in launchTask" : "not in launchTask");
            break;
        case "staging":
            send(driver, tasks.iterator().next(), TaskState.TASK_STAGING);
            break;
        case "stop":
            driver.stop();
            break;
        case "stubborn":
            isStubborn = true;
            answer(driver, text);
            break;
        default:
            driver.sendFrameworkMessage(message);
        }
    }

    private static void answer(ExecutorDriver driver, Object what) {
        driver.sendFrameworkMessage(what.toString().getBytes());
    }

    public void shutdown(ExecutorDriver driver) {
        if (!isStubborn)
            driver.stop();
    }

    public void error(ExecutorDriver driver, String message) {
        System.out.println("error " + message + ", " + driver.sendFrameworkMessage(new byte[0]));
    }

    public static void main(String[] args) {
        Status status = new MesosExecutorDriver(new TestExecutor()).run();

        System.out.println("ended " + status);
        System.exit(status == Status.DRIVER_STOPPED ? 0 : 1);
    }
}
