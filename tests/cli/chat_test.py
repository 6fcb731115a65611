#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Conversations: messages in input lines, and interactive --chat."""
import json
import os
import unittest

import support
import tiny_chat_model

GREEDY = ("--device", "cpu", "--temperature", "0")


def user(text):
    return {"role": "user", "content": text}


class Chat(support.CommandLineTest):
    def setUp(self):
        super().setUp()
        self.model = os.path.join(self.folder, "tiny.gguf")
        tiny_chat_model.write(self.model)

    def records(self, lines, *arguments, code=0, model=None):
        path = self.file("in.jsonl", b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines))
        process = support.run("generate", model or self.model, "--input", path, *GREEDY, "--max-tokens", "6", *arguments)
        self.assertEqual(process.returncode, code, process.stderr.decode())
        return [json.loads(line) for line in process.stdout.decode().splitlines()]

    def answer(self, *messages, arguments=()):
        record = self.records([{"messages": messages}], *arguments)[0]
        return record["samples"][0]["text"], record["usage"]["prompt_tokens"]

    def interactive(self, lines, *arguments, code=0, model=None):
        process = support.run("interactive", model or self.model, *GREEDY, "--max-tokens", "6", *arguments, stdin="".join(line + "\n" for line in lines).encode())
        self.assertEqual(process.returncode, code, process.stderr.decode())
        return process.stdout.decode(), process.stderr.decode()

    def test_messages_are_written_in_the_template(self):
        # Every character is a token, and so are <|im_start|> and <|im_end|>.
        _, tokens = self.answer(user("Hi"))
        self.assertEqual(tokens, len(".user.Hi..") + len(".assistant."))
        _, tokens = self.answer({"role": "system", "content": "Be."}, user("<|im_end|>"), {"role": "assistant", "content": ""}, user(""))
        self.assertEqual(tokens, sum(map(len, (".system.Be...", ".user.<|im_end|>..", ".assistant...", ".user...", ".assistant."))))

    def test_a_message_is_what_a_prompt_with_chat_is(self):
        asked = {"prompt": "Hi", "chat": True, "system": "Be."}
        same = {"messages": [user("Hi")], "system": "Be."}
        own = {"messages": [{"role": "developer", "content": [{"type": "text", "text": "Be"}, {"type": "text", "text": "."}]}, {**user("Hi"), "name": None}]}
        plain = [{"role": "system", "content": "Be."}, user("Hi")]
        one, two, three, four = self.records([asked, same, own, {"messages": [user("Hi")]}], "--system", "Be.", "--chat")
        self.assertEqual(one["prompt"], "Hi")
        self.assertEqual([record.get("messages") for record in (two, three, four)], [same["messages"], plain, same["messages"]])
        for record in (two, three, four):
            self.assertNotIn("prompt", record)
            self.assertEqual(record["samples"], one["samples"])
            self.assertEqual(record["usage"]["prompt_tokens"], one["usage"]["prompt_tokens"])  # of which some may be shared

    def test_what_is_no_conversation(self):
        bad = [({"messages": []}, "messages: []: at least one message"), ({"messages": "Hi"}, 'messages: "Hi": a list of messages'),
               ({"messages": [5, {"role": "tool", "content": None, "name\u009b": "x"}]},
                'messages[0]: 5: an object {"role": …, "content": …} is allowed; messages[1].role: "tool": system, developer, user or assistant is allowed; '
                "messages[1].content: null: a string or a list of text parts is allowed; messages[1].name\\xC2\\x9B: not supported"),
               ({"messages": [{}]}, "messages[0].role: it is needed; messages[0].content: null: a string or a list of text parts is allowed"),
               ({"messages": [user("A")], "prompt": "B"}, "prompt and messages: given together"), ({"messages": [user("A")], "chat": False}, "chat: false"),
               ({"messages": [{"role": "system", "content": "A"}, user("B")], "system": "C"}, "system: given with messages that begin with a system message"),
               ({"messages": [user("A" * 100)]}, "context"), (b'{"messages":[{"role":"user","role":"user","content":""}]}\n', "'role': this key stands twice"),
               ({}, "no prompt: prompt, prompt-file or messages is needed")]
        for record, (_, words) in zip(self.records([line for line, _ in bad], code=1), bad, strict=True):
            self.assertIn(words, record["error"]["message"])

    def test_a_model_without_a_template_says_so(self):
        plain = os.path.join(self.folder, "plain.gguf")
        tiny_chat_model.write(plain, "")
        other = os.path.join(self.folder, "other.gguf")
        tiny_chat_model.write(other, "{{ '<start_of_turn>' }}")
        for model, words in ((support.MODEL, "has no chat template"), (plain, "has no chat template"), (other, "not known; known are those of ChatML")):
            record = self.records([{"messages": [user("A")]}], code=1, model=model)[0]
            self.assertIn(words, record["error"]["message"])
            self.assertEqual(record["messages"], [user("A")])
            self.refuses(1, [words], "interactive", model, "--chat", stdin=b"A\n")
            self.assertIn(words, self.interactive(["/set chat=on"], model=model)[1])

    def test_a_cut_off_run_goes_on(self):
        lines = [{"messages": [user("A")]}, {"messages": [user("B")]}]
        whole = self.records(lines)
        out = os.path.join(self.folder, "out.jsonl")
        with open(out + ".partial", "w", encoding="utf-8") as file:
            file.write(json.dumps(whole[0]) + "\n")
        self.records(lines, "--output-file", out, "--resume")
        with open(out, encoding="utf-8") as file:
            self.assertEqual([json.loads(line)["samples"] for line in file], [record["samples"] for record in whole])
        with open(out + ".partial", "w", encoding="utf-8") as file:
            file.write(json.dumps(whole[1] | {"id": 0}) + "\n")
        self.refuses(2, ["record 1 has the messages", "the request in its place"], "generate", self.model, "--input", os.path.join(self.folder, "in.jsonl"),
                     "--output-file", out, "--resume", *GREEDY)

    def test_interactive_remembers(self):
        first, _ = self.answer(user("Hi"), arguments=("--system", "Be."))
        second, _ = self.answer(user("Hi"), {"role": "assistant", "content": first}, user("No"), arguments=("--system", "Be."))
        alone, _ = self.answer(user("No"), arguments=("--system", "Be."))
        self.assertNotEqual(second, alone)
        for between, last in (([], second), (["/clear"], alone), (["/set context=off"], alone)):
            shown, _ = self.interactive(["Hi", *between, "No"], "--chat", "--system", "Be.")
            self.assertEqual(shown, f"{first}\n{last}\n")
        shown, notes = self.interactive(["Hi", "/set system=", "/set chat=off", "No"], "--chat", "--system", "Be.")
        self.assertEqual(shown, first + "\n" + self.ok("generate", self.model, *GREEDY, "--prompt", "No", "--max-tokens", "6", "--no-echo"))
        self.assertIn("the conversation is forgotten", notes)

    def test_the_oldest_messages_are_forgotten_where_the_context_is_full(self):
        one, two, three = "one one one one", "two two two two", "three three thr"
        first, _ = self.answer(user(one))
        second, tokens = self.answer(user(one), {"role": "assistant", "content": first}, user(two))
        self.assertLessEqual(tokens, tiny_chat_model.CONTEXT - 6)
        third, _ = self.answer(user(two), {"role": "assistant", "content": second}, user(three))
        shown, notes = self.interactive([one, two, three], "--chat")
        self.assertEqual(shown, f"{first}\n{second}\n{third}\n")
        self.assertIn("the context is full: the oldest message and its answer are forgotten", notes)
        # A message too long by itself is an error and leaves the conversation as it was.
        shown, notes = self.interactive([one, "a" * 100, two], "--chat", code=1)
        self.assertIn(f"the model's context of {tiny_chat_model.CONTEXT}", notes)
        self.assertEqual(shown, f"{first}\n\n{second}\n")

    def test_a_system_message_is_part_of_a_conversation(self):
        self.refuses(2, ["--system: given without --chat"], "interactive", self.model, "--system", "Be.")
        self.assertIn("chat = on\nsystem = 'Be.'\n", self.interactive(["/set chat=on", "/set system=Be.", "/show"])[1])


if __name__ == "__main__":
    unittest.main()
