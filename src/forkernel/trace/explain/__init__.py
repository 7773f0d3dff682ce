"""`forkernel explain`: a run told as stories, each fork, exec, exit and wait one of them, in plain sentences.

The way of an event: a tracepoint fires → `collect.Collector` notes its numbers in the story that is under way
(`stories`) → a story that is complete goes to a teller (`console`, `markdown`) → which has it put into sentences
(`sentences`, `steps`) by the catalogue of a language (`catalogue`; `forkernel/locale`).
"""
