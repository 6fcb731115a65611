# SPDX-License-Identifier: Apache-2.0
"""From a language model's logits to token ids: exact, seeded per row, independent of the batch.

    import fundamentallm
    result = fundamentallm.sample(logits, temperature=0.8, top_p=0.9, seed=[1, 2, 3], position=17)
    result.tokens  # [rows]

`logits` is a numpy, torch or cupy array, or anything else with DLPack on the CPU. It is read where it lies; results come
back as arrays of the same library. What is computed is defined, bit for bit, in the project's docs/sampling.md.

    sample          a token for every row
    sample_sharded  the same from logits that are spread over ranks
    Sampler         both on a device and with a number of threads of your choice
    Edits           bans, end ids and biases prepared once for many calls
    Filters         typical-p, top-n-sigma, XTC, mirostat, DRY, no-repeat-n-gram and bad words, prepared likewise
    History         what sequences hold so far, for the penalties
    Sequences       what they hold in order, for the filters
    Shard           which part of a vocabulary a rank has
    pack_mask       booleans to the bits of allow_mask

Where the package was built with the whole library, a model goes from prompts to text:

    generator = fundamentallm.Generator("model.pt")
    for completion in generator.generate(["ROMEO:", "JULIET:"], max_tokens=40, temperature=0.8, seed=7):
        print(completion.text)

    Generator       a model and a batch that requests join and leave; generate and stream
    Constraint      what an object has to be that says what an output may be; grammars has adapters for other engines
"""
from ._constraint import Constraint
from ._edits import Edits, pack_mask
from ._filters import Filters
from ._history import History
from ._native import DeviceLostError, Error, UnsupportedError
from ._native import version as __version__
from ._result import Details, RandomStream, RowStatus, SampleResult, Top
from ._sampler import Sampler, default_sampler
from ._sequences import Sequences
from ._shard import Shard
from ._text import Completion, Generator, Logprob, Options, Sample, Speculation, TokenDetail

sample = default_sampler.sample
sample_sharded = default_sampler.sample_sharded

__all__ = [
    "Completion", "Constraint", "Details", "DeviceLostError", "Edits", "Error", "Filters", "Generator", "History", "Logprob", "Options",
    "RandomStream", "RowStatus", "Sample", "SampleResult", "Sampler", "Sequences", "Shard", "Speculation", "TokenDetail", "Top",
    "UnsupportedError", "__version__", "pack_mask", "sample", "sample_sharded",
]
