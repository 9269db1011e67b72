# The smallest thing that shows the idea: two services and what is between
# them. It needs nothing but a shell:
#
#   bin/syndicate -f examples/minimal.hcl up
#
# Ctrl-C stops all of it, in reverse.

# A service is a process that runs until it is stopped. `command` is a list of
# words, or, as here, one string that `sh -c` runs.
service "clock" {
  command = "echo 'the clock runs'; while true; do date; sleep 5; done"

  # When is it ready? When it has said so. Without this block a service is
  # ready as soon as its process runs.
  ready {
    log = "the clock runs"
  }
}

# A step of start-up that ends: once per life of the system.
task "greet" {
  command = ["echo", "good morning"]
  run     = "up"
}

# Starts once both conditions hold: the clock is ready, the task completed.
service "watcher" {
  command    = "while true; do echo 'all is well'; sleep 5; done"
  depends_on = [service.clock, task.greet]

  # Nothing else needs it, so its failure degrades the system instead of
  # failing it.
  critical = false
}
