"""How a student's function is checked against the reference.

`exercises` draws arguments for each function and says in which order its variables are computed; `compare` sets
what came beside what is right, variable by variable; where they differ, `diagnosis` looks for the mistake. It
asks first whether the reference with one known mistake made in it (`mistakes`, `variants`) gives the student's
very value, and then how the value is related to the right one (`relations`): its negative, a missing sum.
"""
