package probe;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

/** The probe under AWS's own Java runtime, which answers in one piece. */
public class Probe implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    static {
        if ("exit".equals(System.getenv("INIT"))) {
            throw new IllegalStateException("no start today");
        }
    }

    @Override
    public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
        String path = (String) event.get("rawPath");
        String body = "hello from " + path;
        switch (path) {
            case "/throw":
                throw new IllegalArgumentException("thrown on purpose");
            case "/sleep":
                try {
                    Thread.sleep(3_600_000);
                } catch (InterruptedException stopped) {
                    Thread.currentThread().interrupt();
                }
                break;
            case "/crash":
                Runtime.getRuntime().halt(3);
                break;
            case "/large":
                body = "x".repeat(7_000_000);
                break;
            case "/log":
                System.out.println("a line of the log");
                body = "logged";
                break;
            default:
        }
        return Map.of("statusCode", 200, "headers", Map.of("x-from", "java"), "body", body);
    }
}
