# SPDX-License-Identifier: Apache-2.0
"""Text from a Hugging Face model with this library's sampler: hf_generate.py MODEL PROMPT"""
import sys

from transformers import AutoModelForCausalLM, AutoTokenizer

from fundamentallm.hf import SamplerProcessor


def main() -> None:
    name, prompt = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name)
    processor = SamplerProcessor(temperature=0.8, top_p=0.9, repetition_penalty=1.1, seed=7)
    ids = model.generate(**tokenizer(prompt, return_tensors="pt"), do_sample=True, top_k=0, max_new_tokens=64,
                         num_return_sequences=2, logits_processor=[processor])
    for text in tokenizer.batch_decode(ids, skip_special_tokens=True):
        print(text)


if __name__ == "__main__":
    main()
