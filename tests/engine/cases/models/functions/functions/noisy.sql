select a * random()
