# A language model behind a circuit breaker: tokens pass one by one, and where
# the model is away another one answers, at once and without a line of code in
# the client. The models are stand-ins that talk like Ollama; give
# --var=ollama_url=http://localhost:11434 for a real one. docs/breaker.md says
# what a breaker does. By hand, after `make build`:
#
#   bin/syndicate -f examples/ollama.hcl up
#   curl -N localhost:7101/api/generate -d '{"prompt": "why is the sky blue?"}'
#   bin/syndicate -f examples/ollama.hcl stop service.llama       # the spare answers
#   bin/syndicate -f examples/ollama.hcl breaker show ollama
#   bin/syndicate -f examples/ollama.hcl start service.llama      # and llama again
#   bin/syndicate -f examples/ollama.hcl events --tail 10

variable "ollama_url" {
  type        = string
  default     = null
  description = "Where Ollama is. Default: the stand-in."
}

variable "breaker_port" {
  type        = number
  default     = 7101
  description = "Where the breaker listens, on 127.0.0.1."
}

breaker "ollama" {
  target        = coalesce(var.ollama_url, service.llama.url)
  listen        = "127.0.0.1:${var.breaker_port}"
  failures      = 2
  timeout       = "30s" # to the first token, and between two of them
  reset_timeout = "1s"

  # The list of models, and whatever else is a GET, as it was.
  fallback {
    last_good = "1h"
  }

  # A smaller model, with a breaker of its own.
  fallback {
    upstream = service.spare.url
  }

  fallback {
    status = 503
    body   = jsonencode({ error = "no model answers, try again later" })
  }
}

service "llama" {
  command = ["node", "ollama/model.js", "llama3"]
  port    = "auto"

  ready {
    http = "/"
  }
}

service "spare" {
  command = ["node", "ollama/model.js", "tinyllama"]
  port    = "auto"

  ready {
    http = "/"
  }
}

# A client, which knows a URL and nothing else. It starts once the breaker
# listens, whether or not a model is there.
service "chat" {
  command = ["node", "ollama/chat.js"]
  env     = { OLLAMA_URL = breaker.ollama.url }
}
