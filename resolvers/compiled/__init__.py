"""Compiled reads: an operation made of what PostgreSQL knows becomes one statement that answers with JSON text.

    choosing    which fields a selection asks for, fragments and conditions dissolved
    asking      what one request brings: who reads, when, and the values of variables
    draft       the statement while it is written, and the values it binds
    leaves      SQL of single values
    writing     SQL of objects, lists and pages
    plan        the statement, kept with its document, and how it is asked

Everything comes from the declarations in `resolvers.graph`. What they can't say
raises `NotCompiled`, and what a row can't say makes the statement answer with a mark
that JSON text never has; either way graph and rows are read as usual.
"""
