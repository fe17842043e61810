// SPDX-License-Identifier: Apache-2.0
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;
import scala.Tuple2;

/** java -Dspark.…=… Jobs <file>: computes Pi and counts the words of a file; all settings of Spark are properties. */
public class Jobs {
    static final int PARTS = 8, STEPS = 100000;

    /** Pi as the integral of 4 / (1 + x * x), each part summed up where Spark wants. Adds the executors to those seen. */
    static double pi(JavaSparkContext spark, Set<String> executors) {
        List<Integer> parts = new ArrayList<>();
        for (int i = 0; i < PARTS; i++)
            parts.add(i);
        List<Tuple2<String, Double>> sums = spark.parallelize(parts, PARTS).map(part -> {
            double sum = 0;
            for (int i = part; i < STEPS; i += PARTS) {
                double x = (i + 0.5) / STEPS;
                sum += 4 / (1 + x * x) / STEPS;
            }
            return new Tuple2<>(SparkEnv.get().executorId(), sum);
        }).collect();
        double pi = 0;
        for (Tuple2<String, Double> sum : sums) {
            executors.add(sum._1());
            pi += sum._2();
        }
        return pi;
    }

    /** With a shuffle: each executor fetches blocks from the other. */
    static Map<String, Integer> words(JavaSparkContext spark, String file) {
        return new TreeMap<>(spark.textFile(file, PARTS)
                                     .flatMap(line -> Arrays.asList(line.split(" ")).iterator())
                                     .mapToPair(word -> new Tuple2<>(word, 1))
                                     .reduceByKey((a, b) -> a + b)
                                     .collectAsMap());
    }

    public static void main(String[] args) {
        Set<String> executors = new HashSet<>();
        try (JavaSparkContext spark = new JavaSparkContext(new SparkConf())) {
            double pi;
            do
                pi = pi(spark, executors);
            while (executors.size() < 2);
            System.out.printf("pi %.8f%n", pi);
            System.out.println("words " + words(spark, args[0]));
        }
    }
}
