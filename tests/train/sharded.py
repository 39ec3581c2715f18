"""Run by torchrun in two processes: a step over tries whose weights are spread over both (FSDP2), and one that is not.

Prints, as JSON, how far the losses and the weights after a step of SGD are apart, and how far the step went.
"""

import json
import sys

import torch
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import AutoModelForCausalLM, AutoTokenizer

from preftree.problems.places import Place
from preftree.train.prepare import render_rows
from preftree.train.processes import Processes
from preftree.train.rows import iter_rows
from preftree.train.settings import TrainSettings
from preftree.train.trainer import TrieTrainer
from preftree.tries.attention import attending

torch.set_num_threads(1)
model_dir, rows, out = sys.argv[1:]
settings = TrainSettings("dpo", model_dir, rows, out, batch_size=18, max_tokens=100, precision="fp32")
tokenizer = AutoTokenizer.from_pretrained(model_dir)
examples = list(render_rows(list(iter_rows(Place(rows), "pair")), tokenizer, max_length=512))


def step(processes: Processes, *, shard: bool) -> tuple[float, dict[str, torch.Tensor]]:
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
    trainer = TrieTrainer(model, examples, settings, lowered=False)
    trainer.steps.reference_X3 = torch.full((len(examples), 3), -30.0)
    if shard:
        mesh = init_device_mesh("cpu", (processes.number,))
        for layer in model.model.layers:
            fully_shard(layer, mesh=mesh)
        fully_shard(model, mesh=mesh)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    batch, total = trainer.train_dataset[0]["batch"], torch.zeros(1)
    with attending(model):
        facts = trainer.steps.facts(model, batch, processes)
        packs = trainer.steps.packs(batch, processes)
        assert len(packs) > 1
        for indices, weight in packs:
            loss = trainer.steps.pack_loss(model, indices, facts, weight) / trainer.steps.denominator(batch)
            # Spread weights average gradients over processes.
            (processes.number * loss).backward()
            total += loss.detach()
    optimizer.step()
    whole = {n: w.full_tensor() if shard else w for n, w in model.state_dict().items()}
    return float(processes.summed(total)), whole


processes = Processes.begin()
assert processes.number == 2
before = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32).state_dict()
loss, alone = step(Processes(), shard=False)
loss_spread, spread = step(processes, shard=True)
if processes.first:
    gap = sum(float(((alone[n] - spread[n]) ** 2).sum()) for n in alone) ** 0.5
    moved = sum(float(((alone[n] - before[n]) ** 2).sum()) for n in alone) ** 0.5
    print(json.dumps({"loss": loss, "spread": loss_spread, "gap": gap, "moved": moved}))
distributed.destroy_process_group()
