"""Compiled reads: an operation made of what PostgreSQL knows becomes one statement that answers with JSON text.

    choosing    which fields a selection asks for, fragments and conditions dissolved
    asking      what one request brings: who reads, when, and the values of variables
    draft       the statement while it is written, and the values it binds
    leaves      SQL of single values
    row         the row that an object is made from
    objects     SQL of objects, field by field
    fields      … of what a row says itself
    finding     … of one other row
    listing     … of short lists
    paging      … of the rows of a page
    connecting  … of what is around them
    writing     which of these writes what
    parting     which fields are compiled, where not all can be
    plan        the statement, kept with its document, and how it is asked

Everything comes from the declarations in `resolvers.graph`. What they can't say
raises `NotCompiled`, and what a row can't say makes the statement answer with a mark
that JSON text never has; either way graph and rows are read as usual.
"""
