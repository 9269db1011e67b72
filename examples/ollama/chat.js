// Asks the same again and again, and prints each answer with who gave it.
async function ask() {
  try {
    const res = await fetch(process.env.OLLAMA_URL + "/api/generate", {
      method: "POST",
      body: JSON.stringify({ prompt: "why is the sky blue?" }),
    })
    let model = "nobody", said = "", rest = ""
    for await (const part of res.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + part).split("\n")
      rest = lines.pop()
      for (const token of lines.map((line) => JSON.parse(line))) {
        model = token.model
        said += token.response
      }
    }
    console.log(`${model}: ${said || rest}`)
  } catch (err) {
    console.log(`the answer broke off: ${err.cause ?? err}`)
  }
  setTimeout(ask, 2000)
}
ask()
