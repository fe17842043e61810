// SPDX-License-Identifier: Apache-2.0
import com.google.protobuf.ByteString;
import org.apache.mesos.Executor;
import org.apache.mesos.ExecutorDriver;
import org.apache.mesos.MesosExecutorDriver;
import org.apache.mesos.Protos.*;

/** An executor whose tasks do what their data say: "finish" at once, or run until they are killed. */
public class TestExecutor implements Executor {
    private ByteString data;
    private int reregistrations;

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

    public void disconnected(ExecutorDriver driver) {
        System.out.println("disconnected");
    }

    public void launchTask(ExecutorDriver driver, TaskInfo task) {
        send(driver, task.getTaskId(), TaskState.TASK_RUNNING);
        if (task.getData().toStringUtf8().equals("finish"))
            send(driver, task.getTaskId(), TaskState.TASK_FINISHED);
    }

    public void killTask(ExecutorDriver driver, TaskID task) {
        send(driver, task, TaskState.TASK_KILLED);
    }

    /** "data": the executor's data; "pid": the process; "again": how often it was reregistered; anything else comes back as it is. */
    public void frameworkMessage(ExecutorDriver driver, byte[] message) {
        String text = message.length < 10 ? new String(message) : "";

        if (text.equals("data"))
            driver.sendFrameworkMessage(data.toByteArray());
        else if (text.equals("pid"))
            driver.sendFrameworkMessage(Long.toString(ProcessHandle.current().pid()).getBytes());
        else if (text.equals("again"))
            driver.sendFrameworkMessage(Integer.toString(reregistrations).getBytes());
        else
            driver.sendFrameworkMessage(message);
    }

    public void shutdown(ExecutorDriver driver) {
        driver.stop();
    }

    public void error(ExecutorDriver driver, String message) {
        System.out.println("error " + message);
    }

    public static void main(String[] args) {
        Status status = new MesosExecutorDriver(new TestExecutor()).run();

        System.out.println("ended " + status);
        System.exit(status == Status.DRIVER_STOPPED ? 0 : 1);
    }
}
