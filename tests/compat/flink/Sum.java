// SPDX-License-Identifier: Apache-2.0
import java.util.List;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.functions.ReduceFunction;
import org.apache.flink.api.java.ExecutionEnvironment;

/** Sum <port> <jar with this class>: the sum of the squares up to 1,000, computed by the Flink cluster at the port. */
public class Sum {
    static final int PARTS = 3;

    public static class Square implements MapFunction<Long, Long> {
        @Override
        public Long map(Long number) {
            return number * number;
        }
    }

    public static class Add implements ReduceFunction<Long> {
        @Override
        public Long reduce(Long one, Long other) {
            return one + other;
        }
    }

    public static void main(String[] args) throws Exception {
        ExecutionEnvironment flink = ExecutionEnvironment.createRemoteEnvironment("127.0.0.1", Integer.parseInt(args[0]), args[1]);
        flink.setParallelism(PARTS);
        List<Long> sums = flink.generateSequence(1, 1000).map(new Square()).reduce(new Add()).collect();
        System.out.println("sum " + sums);
    }
}
