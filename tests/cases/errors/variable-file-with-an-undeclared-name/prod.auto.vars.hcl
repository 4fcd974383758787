regoin = "westeurope"
