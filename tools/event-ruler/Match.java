import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import software.amazon.event.ruler.Machine;

/**
 * Reads {"patterns": [pattern, ...], "events": [event, ...]} and prints, as a JSON array, the
 * indexes of the patterns that match each event. A pattern that EventBridge rejects is an error.
 */
public final class Match {
    public static void main(final String[] args) throws Exception {
        ObjectMapper json = new ObjectMapper();
        JsonNode input = json.readTree(System.in);
        Machine machine = new Machine();
        int index = 0;
        for (JsonNode pattern : input.get("patterns")) {
            machine.addRule(Integer.toString(index++), pattern.toString());
        }
        List<List<Integer>> matches = new ArrayList<>();
        for (JsonNode event : input.get("events")) {
            List<Integer> matching = new ArrayList<>();
            for (String name : machine.rulesForJSONEvent(event.toString())) {
                matching.add(Integer.valueOf(name));
            }
            matches.add(matching);
        }
        System.out.println(json.writeValueAsString(matches));
    }

    private Match() {}
}
