// SPDX-License-Identifier: Apache-2.0
import com.google.protobuf.ByteString;
import java.util.HashMap;
import java.util.Map;
import org.apache.mesos.Executor;
import org.apache.mesos.ExecutorDriver;
import org.apache.mesos.MesosExecutorDriver;
import org.apache.mesos.Protos.*;

/**
 * The executor of a played framework. Its ExecutorInfo's data say what it does, one callback ("launch", "kill",
 * "message") a line, each followed by steps: "RUNNING" or "RUNNING:data" sends that update, ">text" sends the framework a
 * message, "stop" stops the driver, "die" leaves without a word. Steps are taken on a thread of their own, as all these
 * frameworks do.
 */
public class PlayedExecutor implements Executor {
    private final Map<String, String[]> script = new HashMap<>();
    private TaskID last;

    public void registered(ExecutorDriver driver, ExecutorInfo executor, FrameworkInfo framework, SlaveInfo slave) {
        for (String line : executor.getData().toStringUtf8().split("\n")) {
            String[] words = line.split(" ");
            script.put(words[0], words);
        }
    }

    private void play(ExecutorDriver driver, String callback, TaskID task) {
        Thread thread = new Thread(() -> {
            String[] words = script.getOrDefault(callback, new String[1]);
            for (int i = 1; i < words.length; i++)
                step(driver, words[i], task);
        });
        last = task;
        thread.start();
    }

    private static void step(ExecutorDriver driver, String word, TaskID task) {
        if (word.equals("stop")) {
            driver.stop();
        } else if (word.equals("die")) {
            Runtime.getRuntime().halt(3);
        } else if (word.startsWith(">")) {
            driver.sendFrameworkMessage(word.substring(1).getBytes());
        } else {
            String[] parts = word.split(":", 2);
            TaskStatus.Builder status =
                    TaskStatus.newBuilder().setTaskId(task).setState(TaskState.valueOf("TASK_" + parts[0]));
            if (parts.length > 1)
                status.setData(ByteString.copyFromUtf8(parts[1]));
            driver.sendStatusUpdate(status.build());
        }
    }

    public void launchTask(ExecutorDriver driver, TaskInfo task) {
        play(driver, "launch", task.getTaskId());
    }

    public void killTask(ExecutorDriver driver, TaskID task) {
        play(driver, "kill", task);
    }

    public void frameworkMessage(ExecutorDriver driver, byte[] message) {
        play(driver, "message", last);
    }

    public void reregistered(ExecutorDriver driver, SlaveInfo slave) {
    }

    public void disconnected(ExecutorDriver driver) {
    }

    public void shutdown(ExecutorDriver driver) {
        driver.stop();
    }

    public void error(ExecutorDriver driver, String message) {
        System.out.println("error " + message);
    }

    public static void main(String[] args) {
        System.exit(new MesosExecutorDriver(new PlayedExecutor()).run() == Status.DRIVER_STOPPED ? 0 : 1);
    }
}
