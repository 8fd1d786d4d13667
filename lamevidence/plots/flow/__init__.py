"""The flow diagram of PRISMA 2020: what its boxes say, where they lie, and how they are drawn."""
