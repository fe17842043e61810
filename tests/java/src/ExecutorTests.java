// SPDX-License-Identifier: Apache-2.0
import java.lang.reflect.InvocationTargetException;
import org.apache.mesos.MesosExecutorDriver;
import org.apache.mesos.Protos.Status;

/** java ExecutorTests <test> <agent>: executor drivers in an environment that looks like an executor's. */
public class ExecutorTests {
    static void same(Object expected, Object actual) {
        if (!expected.equals(actual))
            throw new AssertionError("expected " + expected + ", not " + actual);
    }

    // The tests

    void x1_calls_return_the_status() {
        MesosExecutorDriver driver = new MesosExecutorDriver(new TestExecutor());
        same(Status.DRIVER_NOT_STARTED, driver.join());
        same(Status.DRIVER_NOT_STARTED, driver.sendFrameworkMessage(new byte[0]));
        same(Status.DRIVER_RUNNING, driver.start());
        same(Status.DRIVER_ABORTED, driver.abort());
        same(Status.DRIVER_ABORTED, driver.join());
        same(Status.DRIVER_ABORTED, driver.stop());
        same(Status.DRIVER_STOPPED, driver.run());
    }

    void finalisers_are_safe() {
        for (int i = 0; i < 30; i++) {
            MesosExecutorDriver garbage = new MesosExecutorDriver(new TestExecutor());
            if (i % 3 != 0)
                garbage.start();
            if (i % 3 == 2)
                garbage.abort();
        }
        for (int i = 0; i < 5; i++) {
            System.gc();
            System.runFinalization();
        }
    }

    public static void main(String[] args) throws Throwable {
        try {
            ExecutorTests.class.getDeclaredMethod(args[0]).invoke(new ExecutorTests());
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
        System.out.println("passed");
        System.exit(0);
    }
}
