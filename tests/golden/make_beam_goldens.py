#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints beam_goldens.json: what the beam searches of the packages `transformers` and `ctranslate2` (PyPI, with PyTorch) find.

For transformers the model is a table that both sides compute (table_model of tests/support/beam_cases.cpp); for ctranslate2
a GPT-2 without attention and positions, whose logits by last token PyTorch computes and the file holds. Each result is a
hypothesis: its tokens with the end token, and its normalised score.
"""
import itertools
import json
import sys
import tempfile

import numpy
import torch
import transformers

MASK = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15
PROMPT = [5, 7, 5]  # of repetition penalties; the first token of a batch's prompts is replaced by the table's number


def mixed(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def table_row(vocab, seed, order, spread, boosted, boost, tokens):
    """table_model of tests/support/beam_cases.cpp."""
    context = (seed * STEP) & MASK
    for token in tokens[max(0, len(tokens) - order):]:
        context = mixed((context + STEP * (token + 2)) & MASK)
    row = numpy.empty(vocab, numpy.float32)
    for i in range(vocab):
        bits = mixed(context ^ ((STEP * (i + 1)) & MASK))
        row[i] = (numpy.float32(bits >> 40) * numpy.float32(2.0**-23) - numpy.float32(1)) * numpy.float32(spread)
    row[:boosted] += numpy.float32(boost)
    return row


class TableConfig(transformers.PretrainedConfig):
    model_type = "beam_table"

    def __init__(self, shape=None, **options):
        super().__init__(**options)
        self.shape = shape or {}
        self.num_hidden_layers, self.hidden_size, self.num_attention_heads = 1, 1, 1
        self.vocab_size = self.shape.get("vocab", 1)


class TableModel(transformers.PreTrainedModel, transformers.GenerationMixin):
    config_class = TableConfig
    main_input_name = "input_ids"

    def __init__(self, config):
        super().__init__(config)
        self.nothing = torch.nn.Parameter(torch.zeros(1))

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **_):
        return {"input_ids": input_ids}

    def forward(self, input_ids, **_):
        shape = self.config.shape
        rows = [table_row(shape["vocab"], ids[0], shape["order"], shape["spread"], shape["boosted"], shape["boost"],
                          ids[len(PROMPT):]) for ids in input_ids.tolist()]
        logits = torch.from_numpy(numpy.stack(rows))[:, None, :]
        return transformers.modeling_outputs.CausalLMOutput(logits=logits)


def hf_case(shape, seeds, width, alpha, early, ends, length, edits):
    model = TableModel(TableConfig(shape))
    model.eval()
    prompt = torch.tensor([[seed] + PROMPT[1:] for seed in seeds])
    options = {"num_beams": width, "num_return_sequences": width, "length_penalty": alpha, "early_stopping": early,
               "max_new_tokens": length, "do_sample": False, "use_cache": False, "return_dict_in_generate": True,
               "output_scores": True, "pad_token_id": shape["vocab"] + 1,
               "eos_token_id": list(range(ends)) if ends else None}
    if edits:
        options.update(repetition_penalty=edits["repetition"], min_new_tokens=edits["min_tokens"],
                       suppress_tokens=edits["bans"])
    with torch.no_grad():
        out = model.generate(prompt, attention_mask=torch.ones_like(prompt), **options)
    results = []
    for request in range(len(seeds)):
        found = []
        for k in range(width):
            tokens = out.sequences[request * width + k, len(PROMPT):].tolist()
            tokens = [token for token in tokens if token != shape["vocab"] + 1]
            found.append([tokens, float(out.sequences_scores[request * width + k])])
        results.append(found)
    return {"shape": shape, "seeds": seeds, "width": width, "alpha": alpha, "early_stopping": str(early), "ends": ends,
            "length": length, "edits": edits, "results": results}


def hf_cases():
    cases = []
    grid = itertools.product([2, 3, 5], [-1.0, 0.0, 0.7, 1.0, 2.0], [True, False, "never"], [0, 1, 2, 3])
    for number, (width, alpha, early, ends) in enumerate(grid):
        shape = {"vocab": 24, "order": 2, "spread": 4, "boosted": ends, "boost": 1.5}
        seeds = [number % 20, (number + 1) % 20, (number + 2) % 20][:1 + 2 * (number % 2)]
        edits = None
        if number % 3 == 2:
            edits = {"repetition": 1.5, "min_tokens": number % 4, "bans": [9, 17]}
        cases.append(hf_case(shape, seeds, width, alpha, early, ends, 8, edits))
    return cases


def ct2_model(folder):
    """A GPT-2 whose logits depend on the last token alone, in ctranslate2's format; and those logits."""
    import ctranslate2
    import tokenizers

    vocab = 24
    torch.manual_seed(7)
    config = transformers.GPT2Config(vocab_size=vocab, n_positions=32, n_embd=16, n_layer=1, n_head=2, bos_token_id=1,
                                     eos_token_id=0)
    model = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "wte" in name:
                parameter.copy_(torch.randn(parameter.shape) * 0.5)
            if "wpe" in name or "attn.c_proj" in name:
                parameter.zero_()
            if "mlp" in name and "weight" in name:
                parameter.copy_(torch.randn(parameter.shape) * 0.3)
        logits = model(torch.arange(vocab)[:, None]).logits[:, 0]
    words = {f"t{i}": i for i in range(vocab)}
    model.save_pretrained(folder + "/hf")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="t23"))
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="t1", eos_token="t0", unk_token="t23")
    fast.save_pretrained(folder + "/hf")
    ctranslate2.converters.TransformersConverter(folder + "/hf").convert(folder + "/ct2", force=True)
    return ctranslate2.Generator(folder + "/ct2", device="cpu", compute_type="float32"), logits.numpy()


CT2_GRID = [1, 2, 4, 8], [0.0, 0.6, 1.0, -0.5], [0, 3], [1, 4]
CT2_SEVERAL_ENDS_GRID = [2, 4, 8], [0.0, 1.0, -0.5], [0, 3], [4]


def ct2_cases(generator, ends, grid):
    """ends: lists of end ids, which take turns."""
    cases = []
    for number, (width, alpha, min_tokens, asked) in enumerate(itertools.product(*grid)):
        count = min(asked, width)
        some = 24 if alpha == 0 and count == 4 and min_tokens == 0 else 1 + number % 3  # its stop rule shows rarely
        prompts = [[f"t{(number * 5 + i * 3 + i // 8) % 24}"] for i in range(some)]
        repetition = 1.0 if number % 4 else 1.3
        end_ids = ends[number % len(ends)]
        out = generator.generate_batch(prompts, beam_size=width, num_hypotheses=count, length_penalty=alpha, max_length=8,
                                       min_length=min_tokens, return_scores=True, include_prompt_in_result=False,
                                       end_token=[f"t{end}" for end in end_ids], repetition_penalty=repetition, return_end_token=False)
        results = [[[ids, score] for ids, score in zip(one.sequences_ids, one.scores)] for one in out]
        cases.append({"prompts": [int(p[0][1:]) for p in prompts], "width": width, "alpha": alpha, "count": count,
                      "min_tokens": min_tokens, "ends": end_ids, "length": 8, "repetition": repetition, "results": results})
    return cases


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value


def lines(cases):
    return ",\n".join(json.dumps(rounded(case), separators=(",", ":")) for case in cases)


def main():
    hf = hf_cases()
    with tempfile.TemporaryDirectory() as folder:
        generator, logits = ct2_model(folder)
        ct2 = ct2_cases(generator, [[2], [9], [15]], CT2_GRID)
        ct2 += ct2_cases(generator, [[2, 9], [15, 3, 20]], CT2_SEVERAL_ENDS_GRID)
    import ctranslate2

    print('{"transformers":"%s","ctranslate2":"%s",' % (transformers.__version__, ctranslate2.__version__))
    print('"hf":[\n' + lines(hf) + '\n],\n"ct2_logits":[\n' + lines(logits.tolist()) + '\n],\n"ct2":[\n' + lines(ct2) + "\n]}")


if __name__ == "__main__":
    sys.exit(main())
