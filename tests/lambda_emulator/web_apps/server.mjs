// A Node.js server as AWS's guide writes it: it listens on AWS_LAMBDA_HTTP_ENDPOINT.
import { createServer } from "node:http";

const [host, port] = process.env.AWS_LAMBDA_HTTP_ENDPOINT.split(":");

createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/plain" });
  response.write("one ");
  setTimeout(() => response.end(`two ${request.headers["lambda-web-endpoint-name"]}`), 20);
}).listen(Number(port), host);
