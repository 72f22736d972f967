def build(customers):
    rows = customers.dropna()
    return {"train": rows[::2], "tests": rows[1::2]}
