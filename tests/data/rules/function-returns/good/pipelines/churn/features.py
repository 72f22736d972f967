def build(customers):
    rows = customers.dropna()
    return {"train": rows[::2], "test": rows[1::2]}
