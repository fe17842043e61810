// SPDX-License-Identifier: Apache-2.0
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.mesos.Protos.*;
import org.apache.mesos.Scheduler;
import org.apache.mesos.SchedulerDriver;

/** A scheduler that queues what it is told, one line an event, for the test's thread. */
class Recorder implements Scheduler {
    static final long PATIENCE_S = 90;

    final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();
    final LinkedBlockingQueue<Offer> offers = new LinkedBlockingQueue<>();
    final LinkedBlockingQueue<TaskStatus> statuses = new LinkedBlockingQueue<>();
    final LinkedBlockingQueue<byte[]> messages = new LinkedBlockingQueue<>();
    volatile FrameworkID id;
    volatile MasterInfo master;
    volatile Thread thread;
    volatile RuntimeException toThrow;

    /** Wait for the event that begins like this; those before it are dropped. */
    String expect(String prefix) throws InterruptedException {
        List<String> others = new ArrayList<>();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);

        while (System.nanoTime() < end) {
            String line = lines.poll(1, TimeUnit.SECONDS);

            if (line != null && line.startsWith(prefix))
                return line;
            if (line != null)
                others.add(line);
        }
        throw new AssertionError("no \"" + prefix + "\"; instead " + others);
    }

    /** Wait for an offer with at least so many cpus. */
    Offer offer(double cpus) throws InterruptedException {
        while (true) {
            Offer offer = offers.poll(PATIENCE_S, TimeUnit.SECONDS);

            if (offer == null)
                throw new AssertionError("no offer");
            for (Resource resource : offer.getResourcesList())
                if (resource.getName().equals("cpus") && resource.getScalar().getValue() >= cpus)
                    return offer;
        }
    }

    TaskStatus status(String task, TaskState state) throws InterruptedException {
        while (true) {
            TaskStatus status = statuses.poll(PATIENCE_S, TimeUnit.SECONDS);

            if (status == null)
                throw new AssertionError(task + " is not " + state);
            if (status.getTaskId().getValue().equals(task) && status.getState() == state)
                return status;
            if (status.getTaskId().getValue().equals(task) && status.getState() == TaskState.TASK_FAILED)
                throw new AssertionError(status.toString());
        }
    }

    byte[] message() throws InterruptedException {
        byte[] message = messages.poll(PATIENCE_S, TimeUnit.SECONDS);

        if (message == null)
            throw new AssertionError("no message");
        return message;
    }

    private void note(String line) {
        thread = Thread.currentThread();
        lines.add(line);
        if (toThrow != null)
            throw toThrow;
    }

    public void registered(SchedulerDriver driver, FrameworkID frameworkId, MasterInfo masterInfo) {
        id = frameworkId;
        master = masterInfo;
        note("registered " + frameworkId.getValue());
    }

    /** What was offered to the driver before does not stand any more. */
    public void reregistered(SchedulerDriver driver, MasterInfo masterInfo) {
        offers.clear();
        master = masterInfo;
        note("reregistered " + masterInfo.getId());
    }

    public void disconnected(SchedulerDriver driver) {
        offers.clear();
        note("disconnected");
    }

    public void resourceOffers(SchedulerDriver driver, List<Offer> offered) {
        offers.addAll(offered);
        note("offers " + offered.size());
    }

    public void offerRescinded(SchedulerDriver driver, OfferID offerId) {
        offers.removeIf(offer -> offer.getId().equals(offerId));
        note("rescinded " + offerId.getValue());
    }

    public void statusUpdate(SchedulerDriver driver, TaskStatus status) {
        statuses.add(status);
        note("update " + status.getTaskId().getValue() + " " + status.getState());
    }

    public void frameworkMessage(SchedulerDriver driver, ExecutorID executorId, SlaveID slaveId, byte[] data) {
        messages.add(data);
        note("message " + executorId.getValue());
    }

    public void slaveLost(SchedulerDriver driver, SlaveID slaveId) {
        note("slaveLost " + slaveId.getValue());
    }

    public void executorLost(SchedulerDriver driver, ExecutorID executorId, SlaveID slaveId, int status) {
        note("executorLost " + executorId.getValue() + " " + status);
    }

    public void error(SchedulerDriver driver, String message) {
        note("error " + message);
    }
}
