"""How a review came to its studies (PRISMA 2020): the numbers, their sums, and what a registry can count by itself."""
