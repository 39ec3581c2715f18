"""What happens to an action: a stateful Python session in a jail. Plain outcomes come back, never a verdict.

`Interpreter.run` takes code and the earlier actions of its trajectory and gives an `Observation`; `run_program` and
`test` run a whole program, on its input or under test code. `settings` says what may be set, `jail` how a jail is
started, `inside` what runs in it, `worker` speaks with one of them, `interpreter` with a pool, `testing` joins a
judge and a candidate, `asking` and `tools` answer what an action asks, `observe` words what the actor is shown,
`doctor` tells what is missing.
"""

from preftree.environment.doctor import Diagnosis, diagnose
from preftree.environment.interpreter import Interpreter
from preftree.environment.settings import UNJAILED, EnvironmentSettings, Limits, Past

__all__ = ["UNJAILED", "Diagnosis", "EnvironmentSettings", "Interpreter", "Limits", "Past", "diagnose"]
