// The small JSON answer of frameworks.py, with Hono on AWS's Node.js runtime.
import { Hono } from "hono";
import { streamHandle } from "hono/aws-lambda";

const app = new Hono();
app.get("/small", (context) => context.json({ message: "hello from lambda", items: [1, 2, 3] }));

export const handler = streamHandle(app);
