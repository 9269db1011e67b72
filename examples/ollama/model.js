// Talks like Ollama (https://github.com/ollama/ollama/blob/main/docs/api.md),
// one token every 50 ms, and thinks nothing.
const http = require("node:http")
const model = process.argv[2]
const words = `The sky is blue because air scatters short waves more than long ones .`.split(" ")

function generate(req, res, { prompt = "", options = {} }) {
  const many = options.num_predict ?? words.length // -1: without end
  res.writeHead(200, { "Content-Type": "application/x-ndjson" })
  let n = 0
  const timer = setInterval(() => {
    const done = many >= 0 && n >= many
    const line = { model, created_at: new Date().toISOString(), response: done ? "" : words[n++ % words.length] + " ", done }
    if (done) line.done_reason = "stop"
    res.write(JSON.stringify(line) + "\n")
    if (done) {
      clearInterval(timer)
      res.end()
    }
  }, 50)
  res.on("close", () => clearInterval(timer)) // nobody listens any more
}

http.createServer(async (req, res) => {
  const json = (status, body) => res.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body))
  if (req.method === "GET" && req.url === "/") return res.end("Ollama is running")
  if (req.method === "GET" && req.url === "/api/tags") return json(200, { models: [{ name: model }] })
  if (req.method !== "POST" || req.url !== "/api/generate") return json(404, { error: "not found" })
  let text = ""
  for await (const part of req) text += part
  try {
    generate(req, res, JSON.parse(text))
  } catch (err) {
    json(400, { error: err.message })
  }
}).listen(process.env.PORT, "127.0.0.1")
