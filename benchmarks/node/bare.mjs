// The works of bare.py for AWS's Node.js runtime, with its bare streaming handler.
import { once } from "node:events";

const SMALL = '{"message":"hello from lambda","items":[1,2,3]}';
const CHUNK = Buffer.alloc(65536, "x");

const works = {
  small(open) {
    const stream = open("application/json", { "content-length": "47" });
    stream.write(SMALL); // not end(SMALL): aws-lambda-ric 4.0.2 sends the prelude with the first write() only
    stream.end();
  },
  messages(open, count) {
    const stream = open("text/event-stream");
    for (let number = 0; number < count; number++)
      stream.write(`data: message number ${String(number).padStart(7, "0")}\n\n`);
    stream.end();
  },
  async paced(open, count) {
    const stream = open("text/event-stream");
    for (let number = 0; number < count; number++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      stream.write(`data:${String(process.hrtime.bigint()).padStart(20, "0")}    \n`);
    }
    stream.end();
  },
  async chunks(open, count) {
    const stream = open("application/octet-stream");
    for (let number = 0; number < count; number++)
      if (!stream.write(CHUNK)) await once(stream, "drain");
    stream.end();
  },
};

export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  const [work, ...numbers] = event.rawPath.slice(1).split("/");
  let stream;
  const open = (type, headers = {}) => {
    stream = awslambda.HttpResponseStream.from(responseStream, {
      statusCode: 200,
      headers: { "content-type": type, ...headers },
    });
    return stream;
  };
  await works[work](open, ...numbers.map(Number));
  await responseStream.finished?.();
});
