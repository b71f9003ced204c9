import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.connect.json.JsonSerializer;

/**
 * Writes RECORD messages of stdin to Kafka in the form of Airbyte's destination-kafka: the key is a random
 * UUID, the value has four fields, and the topic's name has an underscore for all that is neither a letter
 * nor a digit. Its arguments are the brokers and the topic pattern.
 *
 * Other messages, STATEs too, are left out: destination-kafka forwards those at once, and so nobody waits
 * for them here.
 */
public final class Envelope {
  public static void main(String[] args) throws Exception {
    Properties settings = new Properties();
    settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    settings.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class.getName());
    settings.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, JsonSerializer.class.getName());
    // While a broker is away, a record waits longer than by default: none may be missing because of us.
    settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, "600000");
    settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, "600000");

    ObjectMapper json = new ObjectMapper();
    AtomicReference<Exception> failed = new AtomicReference<>();
    try (KafkaProducer<String, JsonNode> producer = new KafkaProducer<>(settings);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        JsonNode message = json.readTree(line);
        if (!message.path("type").asText().equals("RECORD")) {
          continue;
        }
        JsonNode record = message.get("record");
        String stream = record.get("stream").asText();
        ObjectNode value = json.createObjectNode();
        value.put("_airbyte_ab_id", UUID.randomUUID().toString());
        value.put("_airbyte_stream", stream);
        value.put("_airbyte_emitted_at", record.get("emitted_at").asLong());
        value.set("_airbyte_data", record.get("data"));
        String topic = args[1].replace("{namespace}", record.path("namespace").asText("")).replace("{stream}", stream)
            .replaceAll("[^A-Za-z0-9_]", "_");
        producer.send(new ProducerRecord<>(topic, UUID.randomUUID().toString(), value), (where, error) -> {
          if (error != null) {
            failed.compareAndSet(null, error);
          }
        });
      }
    }
    if (failed.get() != null) {
      throw failed.get();
    }
  }
}
