"""The quick door: a query that is asked again passes no more than it needs.

It stands before everything else and answers POSTs of queries that one compiled statement
answers, and public answers that are in memory. It keeps every limit, who asks, whose rows
they are, whose budget pays, what is counted and what is logged; and it refuses nobody.
Whatever is unusual about a request goes on to the doors behind it as if it had never been
here, so that there is one place for every refusal, and the same answer from both.

    threshold    uvicorn's HTTP, which asks here before it makes a request of what it reads
    door         the same for any ASGI server
    heads        what the headers say, and those of the answer
    questions    the body is read as `gateway.http` reads it, once; what came of it is remembered by its bytes
    asking       who: the bearer was recognized a moment ago (`gateway.recalling`); and one round trip to
                 PostgreSQL: to see as them, to check that they still may, and to read, unless
                 everybody gets it alike and it is in memory
    entrance     whether the door is open, and what it needs to be
"""
