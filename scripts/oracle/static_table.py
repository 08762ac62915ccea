def vocabulary():
    return None
