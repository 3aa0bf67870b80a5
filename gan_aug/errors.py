"""What a user can get wrong, and what can go wrong under a user's hands."""

__all__ = ["TrainingDivergedError", "UserError"]


class UserError(Exception):
    """Something the user can put right.

    The message is one line: what was expected, what was found, what to do. The command prints it
    and exits with code 2.
    """


class TrainingDivergedError(UserError):
    """A loss became infinite or not a number."""
