// SPDX-License-Identifier: Apache-2.0
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.mesos.MesosSchedulerDriver;
import org.apache.mesos.Protos.*;
import org.apache.mesos.Scheduler;
import org.apache.mesos.SchedulerDriver;

/**
 * java Plan <master> <user> <how>: runs three tasks, prints what becomes of them, and stops. <how> is "driver", or "adapter" for
 * the adapter of DC/OS, which is a driver on top of V0Mesos or V1Mesos, as MESOS_API_VERSION says. It keeps to what the API has
 * had since 0.28.
 */
public class Plan implements Scheduler {
    final Map<String, String> wanted = new LinkedHashMap<>();
    final Set<String> running = new HashSet<>();
    final boolean acknowledges;

    Plan(boolean acknowledges) {
        this.acknowledges = acknowledges;
        wanted.put("good", "echo hello from a jar");
        wanted.put("bad", "exit 9");
        wanted.put("long", "sleep 1000");
    }

    static Resource scalar(String name, double value) {
        return Resource.newBuilder().setName(name).setType(Value.Type.SCALAR)
                .setScalar(Value.Scalar.newBuilder().setValue(value)).build();
    }

    static TaskID id(String name) {
        return TaskID.newBuilder().setValue(name).build();
    }

    @Override
    public void registered(SchedulerDriver driver, FrameworkID id, MasterInfo master) {
        System.out.println("registered with " + master.getPort());
    }

    @Override
    public void resourceOffers(SchedulerDriver driver, List<Offer> offers) {
        Filters filters = Filters.newBuilder().setRefuseSeconds(0).build();
        for (Offer offer : offers) {
            List<TaskInfo> tasks = new ArrayList<>();
            for (Map.Entry<String, String> task : wanted.entrySet())
                tasks.add(TaskInfo.newBuilder().setName(task.getKey()).setTaskId(id(task.getKey())).setSlaveId(offer.getSlaveId())
                        .addResources(scalar("cpus", 0.1)).addResources(scalar("mem", 32))
                        .setCommand(CommandInfo.newBuilder().setValue(task.getValue())).build());
            running.addAll(wanted.keySet());
            wanted.clear();
            if (tasks.isEmpty())
                driver.declineOffer(offer.getId(), filters);
            else
                driver.launchTasks(Collections.singleton(offer.getId()), tasks, filters);
        }
    }

    @Override
    public void statusUpdate(SchedulerDriver driver, TaskStatus status) {
        String task = status.getTaskId().getValue();

        System.out.println(task + " " + status.getState() + ": " + status.getMessage());
        if (acknowledges && status.hasUuid())
            driver.acknowledgeStatusUpdate(status);
        if (task.equals("long") && status.getState() == TaskState.TASK_RUNNING)
            driver.reconcileTasks(Arrays.asList(TaskStatus.newBuilder().setTaskId(id("stranger"))
                    .setState(TaskState.TASK_STAGING).build()));
        if (task.equals("stranger"))
            driver.killTask(id("long"));
        if (status.getState() == TaskState.TASK_FINISHED || status.getState() == TaskState.TASK_FAILED
                || status.getState() == TaskState.TASK_KILLED)
            running.remove(task);
        if (running.isEmpty()) {
            driver.suppressOffers();
            driver.reviveOffers();
            driver.stop();
        }
    }

    @Override
    public void error(SchedulerDriver driver, String message) {
        System.out.println("error: " + message);
    }

    @Override
    public void reregistered(SchedulerDriver driver, MasterInfo master) {}

    @Override
    public void disconnected(SchedulerDriver driver) {}

    @Override
    public void offerRescinded(SchedulerDriver driver, OfferID offer) {}

    @Override
    public void frameworkMessage(SchedulerDriver driver, ExecutorID executor, SlaveID agent, byte[] data) {}

    @Override
    public void slaveLost(SchedulerDriver driver, SlaveID agent) {}

    @Override
    public void executorLost(SchedulerDriver driver, ExecutorID executor, SlaveID agent, int status) {}

    public static void main(String[] args) throws Exception {
        FrameworkInfo framework = FrameworkInfo.newBuilder().setUser(args[1]).setName("plan").setFailoverTimeout(60)
                .setCheckpoint(true).build();
        boolean adapted = args[2].equals("adapter");
        Scheduler plan = new Plan(adapted);
        /* Older jars do not have what the adapter's class refers to. */
        SchedulerDriver driver = !adapted ? new MesosSchedulerDriver(plan, framework, args[0])
                : (SchedulerDriver) Class.forName("com.mesosphere.mesos.HTTPAdapter.MesosToSchedulerDriverAdapter")
                .getConstructor(Scheduler.class, FrameworkInfo.class, String.class, boolean.class)
                .newInstance(plan, framework, args[0], false);

        System.out.println(driver.run());
        System.exit(0);
    }
}
