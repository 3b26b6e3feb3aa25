from hypothesis import settings

# Machines are slow at times, and a run of all tests is meant to be quick.
settings.register_profile("billing", deadline=None, max_examples=60)
settings.load_profile("billing")
