// The probe through AWS's own aws-lambda-ric, with response streaming.
import fs from "node:fs";

if (process.env.INIT === "exit") process.exit(1);

const opened = async (gate) => {
  while (!fs.existsSync(gate)) await new Promise((done) => setTimeout(done, 2));
};

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const path = event.rawPath;
  if (path === "/throw") throw new Error("thrown on purpose");
  if (path === "/sleep") await new Promise((done) => setTimeout(done, 3600_000));
  if (path === "/crash") process.exit(3);
  const statusCode = path === "/stream" ? 201 : 200;
  const headers = { "content-type": "text/plain", "x-from": "node" };
  stream = awslambda.HttpResponseStream.from(stream, { statusCode, headers });
  if (path === "/stream") {
    for (let i = 0; i < 3; i++) {
      stream.write(`chunk ${i}\n`);
      await opened(`${event.queryStringParameters.gate}.${i}`);
    }
  } else if (path === "/late") {
    stream.write("so far");
    await new Promise((done) => setTimeout(done, 50));
    throw new Error("late on purpose");
  } else if (path === "/large") {
    stream.write("x".repeat(7_000_000));
  } else if (path === "/log") {
    console.log("a line of the log");
    stream.write("logged");
  } else {
    stream.write(`hello from ${path}`);
  }
  stream.end();
});
