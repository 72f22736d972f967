def fit(train, seed=0):
    model = object()
    return model, {"roc_auc": 0.8}, seed
